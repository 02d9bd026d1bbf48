//! The lab's own certificate authority, made with openssl so that it owes nothing to the code under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority and one server certificate for `*.lab.test`.
pub(super) struct Authority {
    dir: PathBuf,
}

impl Authority {
    pub(super) fn new(dir: &Path) -> Self {
        let authority = Self { dir: dir.to_owned() };
        authority.make_key("ca.key");
        authority.openssl(
            &["req", "-x509", "-new", "-key", "ca.key", "-out", "ca.pem", "-days", "30"],
            &["-subj", "/CN=raincheck interop authority"],
        );
        authority.make_key("server.key");
        authority.openssl(
            &["req", "-new", "-key", "server.key", "-out", "server.csr"],
            &["-subj", "/CN=lab.test"],
        );
        fs::write(dir.join("names.ext"), "subjectAltName=DNS:*.lab.test\n").expect("extension file");
        authority.openssl(
            &["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
            &["-out", "server.pem", "-days", "20", "-extfile", "names.ext"],
        );
        let chain = ["server.pem", "server.key"]
            .map(|name| fs::read_to_string(dir.join(name)).expect("certificate"))
            .concat();
        fs::write(dir.join("server-with-key.pem"), chain).expect("certificate");
        authority
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.dir.join("server.pem")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.dir.join("server.key")
    }

    fn make_key(&self, name: &str) {
        self.openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout"], &["-out", name]);
    }

    fn openssl(&self, first: &[&str], rest: &[&str]) {
        let output =
            Command::new("openssl").args(first).args(rest).current_dir(&self.dir).output().expect("openssl");
        assert!(output.status.success(), "openssl {first:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
