//! Help and version.

use crate::raincheck;

fn stdout_of(line: &str) -> String {
    let output = raincheck().args(line.split(' ')).output().expect("it runs");
    assert!(output.status.success(), "{line}");
    assert!(output.stderr.is_empty(), "{line}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn help_fits_eighty_columns_and_says_the_same_in_every_form() {
    for line in ["--help", "check --help", "gather --help", "call --help", "catalog --help", "lab --help"] {
        let text = stdout_of(line);
        for row in text.lines() {
            assert!(row.chars().count() <= 80, "{line}: {row}");
        }
        assert_eq!(stdout_of(&line.replace("--help", "-h")), text, "{line}");
    }
    assert_eq!(stdout_of("help check"), stdout_of("check --help"));
    assert_eq!(stdout_of("help"), stdout_of("--help"));
}

#[test]
fn help_is_as_it_was_reviewed() {
    insta::assert_snapshot!("raincheck", stdout_of("--help"));
    insta::assert_snapshot!("check", stdout_of("check --help"));
    insta::assert_snapshot!("gather", stdout_of("gather --help"));
    insta::assert_snapshot!("call", stdout_of("call --help"));
    insta::assert_snapshot!("lab", stdout_of("lab --help"));
}

#[test]
fn without_arguments_help_goes_to_standard_error_with_status_2() {
    let output = raincheck().output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert_eq!(String::from_utf8_lossy(&output.stderr), stdout_of("--help"));
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(stdout_of("--version"), format!("raincheck {}\n", env!("CARGO_PKG_VERSION")));
}
