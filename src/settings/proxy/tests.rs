use super::*;
use raincheck_probes::server::UriError;

fn read(text: &str) -> Result<String, ProxyTrouble> {
    parse(text, Userinfo::Refused).map(|proxy| proxy.url())
}

#[test]
fn urls_are_read_with_the_ports_of_their_schemes() {
    assert_eq!(read("http://proxy:3128").as_deref(), Ok("http://proxy:3128"));
    assert_eq!(read("http://proxy:3128/").as_deref(), Ok("http://proxy:3128"));
    assert_eq!(read("HTTP://proxy").as_deref(), Ok("http://proxy:80"));
    assert_eq!(read("https://proxy.example").as_deref(), Ok("https://proxy.example:443"));
    assert_eq!(read("proxy:8080").as_deref(), Ok("http://proxy:8080"));
    assert_eq!(read("192.0.2.1:8080").as_deref(), Ok("http://192.0.2.1:8080"));
    assert_eq!(read("http://[2001:db8::1]:3128").as_deref(), Ok("http://[2001:db8::1]:3128"));
}

#[test]
fn each_wrong_url_is_told_apart() {
    assert_eq!(read("socks5://proxy:1080"), Err(ProxyTrouble::Socks));
    assert_eq!(read("socks5h://proxy"), Err(ProxyTrouble::Socks));
    assert_eq!(read("ftp://proxy"), Err(ProxyTrouble::Scheme("ftp".into())));
    assert_eq!(read("http://proxy/path"), Err(ProxyTrouble::Path));
    assert_eq!(read("http://proxy?x"), Err(ProxyTrouble::Path));
    assert_eq!(read("http://"), Err(ProxyTrouble::Host(UriError::Empty)));
    assert_eq!(read(""), Err(ProxyTrouble::Host(UriError::Empty)));
    assert_eq!(read("proxy:0"), Err(ProxyTrouble::Host(UriError::Port("0".into()))));
    assert_eq!(read("http://pro xy:1"), Err(ProxyTrouble::Host(UriError::Character(' '))));
    for secret in
        ["http://bob:hunter2@proxy:3128", "bob:hunter2@proxy", "bob:hunter2@x://y", "http://bob@proxy"]
    {
        assert_eq!(read(secret), Err(ProxyTrouble::Password), "{secret}");
        assert!(!ProxyTrouble::Password.to_string().contains("hunter2"));
    }
}

#[test]
fn the_environment_may_hold_credentials_and_they_are_decoded() {
    let proxy = parse("http://bob%40corp:a%3Ab/c%zz@proxy:3128", Userinfo::Accepted).expect("proxy");
    let credentials = proxy.credentials.clone().expect("credentials");
    assert_eq!((credentials.username.as_str(), credentials.password.expose()), ("bob@corp", "a:b/c%zz"));
    assert_eq!(proxy.url(), "http://proxy:3128");
    assert!(!format!("{proxy:?}").contains("a:b/c"));
    let bad = parse("http://bob:%ff@proxy", Userinfo::Accepted);
    assert_eq!(bad, Err(ProxyTrouble::Encoding));
    assert_eq!(parse("http://bob:%0d%0a@proxy", Userinfo::Accepted), Err(ProxyTrouble::Encoding));
}

#[test]
fn exceptions_are_kept_as_written() {
    assert_eq!(
        exceptions(" localhost, .corp.example,,*.lab\t10.0.0.0/8 "),
        ["localhost", ".corp.example", "*.lab", "10.0.0.0/8"]
    );
    assert_eq!(exceptions(&"x,".repeat(1000)).len(), MAX_EXCEPTIONS);
}
