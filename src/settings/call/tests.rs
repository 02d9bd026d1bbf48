//! Durations, addresses, selectors.

use super::*;

fn seconds(text: &str) -> Option<f64> {
    duration("--soak", text).ok().map(|duration| duration.as_secs_f64())
}

#[test]
fn durations_are_numbers_with_units() {
    let read = ["30s", "5m", "2h", "90", "1h30m", "500ms", "1.5m", "1m0.5s", "10min", "168h"].map(seconds);
    let expected = [30.0, 300.0, 7200.0, 90.0, 5400.0, 0.5, 90.0, 60.5, 600.0, 604_800.0];
    assert_eq!(read, expected.map(Some));
}

#[test]
fn what_is_no_duration_is_said_to_be_none() {
    for text in
        ["", "s", "5x", "5 m", "-5s", "+5s", "1e9s", "5m5m", "5s5m", "5m5", "inf", "nan", "1..5s", "²s", "5S"]
    {
        assert_eq!(seconds(text), None, "{text}");
    }
    let said = |text: &str| duration("--soak", text).expect_err(text).to_string();
    assert_eq!(said("soon"), "--soak: \"soon\" is not a duration, such as 30s, 5m, 2h or 1h30m");
    assert_eq!(said("0s"), "--soak: \"0s\" is not longer than nothing; write 30s, 5m or 2h");
    assert_eq!(said("169h"), "--soak: \"169h\" is not at most a week (168h)");
    assert!(said(&"9".repeat(400)).len() < 200);
}

#[test]
fn durations_read_as_a_person_writes_them() {
    let words = [0.5, 30.0, 62.3, 300.0, 5400.0, 7261.0].map(|s| in_words(Duration::from_secs_f64(s)));
    assert_eq!(words, ["0.5 s", "30 s", "1 min 2 s", "5 min", "1 h 30 min", "2 h 1 min 1 s"]);
}
