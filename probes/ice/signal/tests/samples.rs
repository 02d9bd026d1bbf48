//! Offers and answers in the shape of Chromium 156 and Firefox 153, as both wrote them on one host with two networks.
//! Names, keys and addresses are made up.

const FINGERPRINT: &str = "sha-256 \
    A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7";

/// Lines with CR LF.
fn sdp(lines: &[&str]) -> String {
    lines
        .concat()
        .lines()
        .flat_map(|line| [line.trim(), "\r\n"])
        .collect::<String>()
        .replace("FP", FINGERPRINT)
}

const CHROMIUM_HEAD: &str = "v=0
    o=- 8742912310677183931 2 IN IP4 127.0.0.1
    s=-
    t=0 0
    a=group:BUNDLE GROUP
    a=msid-semantic: WMS\n";

const CHROMIUM_TRANSPORT: &str = "a=ice-ufrag:Qz7I
    a=ice-pwd:ZOw45RDuVrynmWhrK7M4T6a5
    a=ice-options:trickle
    a=fingerprint:FP
    a=setup:SETUP\n";

const CHROMIUM_CANDIDATES: &str =
    "a=candidate:3983991264 1 udp 2122194687 192.0.2.2 51066 typ host generation 0 network-id 1
    a=candidate:638590976 1 udp 2122265343 fd00::2 53635 typ host generation 0 network-id 2
    a=candidate:333198708 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0 network-id 1
    a=candidate:77 1 udp 8447 198.51.100.9 60063 typ relay raddr 0.0.0.0 rport 0 generation 0 network-id 1\n";

const CHROMIUM_AUDIO: &str = "m=audio 51066 UDP/TLS/RTP/SAVPF 111 63 9 0
    c=IN IP4 192.0.2.2
    a=rtcp:9 IN IP4 0.0.0.0\n";

const CHROMIUM_AUDIO_TAIL: &str = "a=mid:0
    a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
    a=sendrecv
    a=msid:- 8418dd5c-ac2f-47d9-b89a-620363a08d90
    a=rtcp-mux
    a=rtcp-rsize
    a=rtpmap:111 opus/48000/2
    a=rtcp-fb:111 transport-cc
    a=fmtp:111 minptime=10;useinbandfec=1
    a=rtpmap:63 red/48000/2
    a=rtpmap:9 G722/8000
    a=rtpmap:0 PCMU/8000
    a=ssrc:2212224035 cname:S1JZLaJruINUBsYG\n";

const CHROMIUM_VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97
    c=IN IP4 0.0.0.0
    a=rtcp:9 IN IP4 0.0.0.0\n";

const CHROMIUM_VIDEO_TAIL: &str = "a=mid:1
    a=sendrecv
    a=rtcp-mux
    a=rtpmap:96 VP8/90000
    a=rtcp-fb:96 goog-remb
    a=rtpmap:97 rtx/90000
    a=fmtp:97 apt=96\n";

const CHROMIUM_DATA: &str = "m=application 51066 UDP/DTLS/SCTP webrtc-datachannel
    c=IN IP4 192.0.2.2\n";

const CHROMIUM_DATA_TAIL: &str = "a=mid:MID
    a=sctp-port:5000
    a=max-message-size:262144\n";

/// A data channel alone, offered (`actpass`) or answered (`active`).
pub(super) fn chromium_data(setup: &str) -> String {
    let parts = [CHROMIUM_HEAD, CHROMIUM_DATA, CHROMIUM_CANDIDATES, CHROMIUM_TRANSPORT, CHROMIUM_DATA_TAIL];
    sdp(&parts).replace("GROUP", "0").replace("MID", "0").replace("SETUP", setup)
}

/// Audio, video and a data channel, all on the transport of the audio (`max-bundle`).
pub(super) fn chromium_call() -> String {
    let audio = [CHROMIUM_AUDIO, CHROMIUM_CANDIDATES, CHROMIUM_TRANSPORT, CHROMIUM_AUDIO_TAIL];
    let video = [CHROMIUM_VIDEO, CHROMIUM_TRANSPORT, CHROMIUM_VIDEO_TAIL];
    let data = [CHROMIUM_DATA, CHROMIUM_TRANSPORT, CHROMIUM_DATA_TAIL];
    let parts = [&[CHROMIUM_HEAD], &audio[..], &video, &data].concat();
    sdp(&parts).replace("GROUP", "0 1 2").replace("MID", "2").replace("SETUP", "actpass")
}

const FIREFOX_HEAD: &str = "v=0
    o=mozilla...THIS_IS_SDPARTA-99.0 4422155613754340742 0 IN IP4 0.0.0.0
    s=-
    t=0 0
    a=sendrecv
    a=fingerprint:FP
    a=group:BUNDLE GROUP
    a=ice-options:trickle
    a=msid-semantic:WMS *\n";

const FIREFOX_CANDIDATES: &str =
    "a=candidate:0 1 UDP 2122187007 6be5041e-989a-4ba8-a1ee-24e28ff38c58.local 47567 typ host
    a=candidate:2 1 TCP 2105458943 6be5041e-989a-4ba8-a1ee-24e28ff38c58.local 9 typ host tcptype active
    a=candidate:4 1 UDP 1686052863 203.0.113.7 47567 typ srflx raddr 0.0.0.0 rport 0\n";

const FIREFOX_RTCP: &str =
    "a=candidate:0 2 UDP 2122187006 6be5041e-989a-4ba8-a1ee-24e28ff38c58.local 43421 typ host\n";

const FIREFOX_TRANSPORT: &str = "a=sendrecv
    a=end-of-candidates
    a=ice-pwd:25a78afde3be11abffed2fee9adb8cb5
    a=ice-ufrag:cd234ad4
    a=setup:SETUP\n";

const FIREFOX_DATA: &str = "m=application PORT UDP/DTLS/SCTP webrtc-datachannel
    c=IN IP4 0.0.0.0\n";

const FIREFOX_DATA_TAIL: &str = "a=mid:MID
    a=sctp-port:5000
    a=max-message-size:1073741823\n";

pub(super) fn firefox_data(setup: &str) -> String {
    let parts = [FIREFOX_HEAD, FIREFOX_DATA, FIREFOX_CANDIDATES, FIREFOX_TRANSPORT, FIREFOX_DATA_TAIL];
    let sdp = sdp(&parts).replace("GROUP", "0").replace("MID", "0").replace("SETUP", setup);
    sdp.replace("PORT", "9")
}

/// Audio and a data channel that is `bundle-only` (`max-bundle`).
pub(super) fn firefox_call() -> String {
    let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 101\nc=IN IP4 0.0.0.0\n";
    let tail = "a=mid:0\na=rtcp-mux\na=rtpmap:109 opus/48000/2\na=rtpmap:101 telephone-event/8000\n";
    let parts = [
        FIREFOX_HEAD,
        audio,
        FIREFOX_CANDIDATES,
        FIREFOX_RTCP,
        FIREFOX_TRANSPORT,
        tail,
        FIREFOX_DATA,
        "a=bundle-only\n",
        FIREFOX_TRANSPORT,
        FIREFOX_DATA_TAIL,
    ];
    let sdp = sdp(&parts).replace("GROUP", "0 1").replace("MID", "1").replace("SETUP", "actpass");
    sdp.replace("PORT", "0")
}
