use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use rstest::rstest;

fn sandbox(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sandbox")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A port of loopback on which nothing listens.
fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[rstest]
#[case(&["--port", "many"], "error: invalid value 'many' for '--port <PORT>'")]
#[case(&["--time-scale", "0"], "error: invalid value '0' for '--time-scale <F>'")]
#[case(&["--nonsense"], "error: unexpected argument '--nonsense' found")]
#[case(&["--graph-url", "http://127.0.0.1:9", "--demo-leads", "1"], "error: --demo-leads needs both built-in simulators")]
fn a_bad_flag_is_one_line_and_status_2(#[case] arguments: &[&str], #[case] reason: &str) {
    let (status, stdout, stderr) = sandbox(arguments);
    assert_eq!(status, Some(2), "{stderr}");
    assert_eq!(stdout, "");
    assert!(stderr.starts_with(reason), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_port_in_use_is_one_line_and_status_2() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, _, stderr) = sandbox(&["--port", &port, "--demo-leads", "0"]);
    assert_eq!(status, Some(2), "{stderr}");
    assert_eq!(stderr, format!("error: port {port} is in use: choose another with --port, or 0 for a free one\n"));
}

#[rstest]
#[case("--remonline-url")]
#[case("--graph-url")]
fn an_unreachable_url_is_one_line_and_status_2(#[case] flag: &str) {
    let url = format!("http://127.0.0.1:{}/v2", closed_port());
    let (status, _, stderr) = sandbox(&["--port", "0", flag, &url]);
    assert_eq!(status, Some(2), "{stderr}");
    assert!(stderr.starts_with(&format!("error: {flag} {url} cannot be reached: ")), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_unreachable() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v2", silent.local_addr().unwrap());
    let (status, _, stderr) = sandbox(&["--port", "0", "--remonline-url", &url]);
    assert_eq!(status, Some(2), "{stderr}");
    assert_eq!(stderr, format!("error: --remonline-url {url} cannot be reached: no answer within 5 s\n"));
}

#[test]
fn help_names_every_flag() {
    let (status, stdout, _) = sandbox(&["--help"]);
    assert_eq!(status, Some(0));
    for flag in [
        "--port",
        "--data-dir",
        "--remonline-url",
        "--graph-url",
        "--app-id",
        "--app-secret",
        "--verify-token",
        "--demo-leads",
        "--schedule-scale",
        "--time-scale",
        "--once",
    ] {
        assert!(stdout.contains(flag), "{flag}");
    }
}

#[rstest]
#[case("TERM")]
#[case("INT")]
fn it_stays_until_a_signal_and_ends_well(#[case] name: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(["--port", "0", "--demo-leads", "0"]).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "Ctrl-C stops it."));
    assert!(Command::new("kill").args([format!("-{name}"), process.id().to_string()]).status().unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

#[test]
fn the_demo_leads_become_orders() {
    let (status, stdout, stderr) = sandbox(&["--port", "0", "--once"]);
    assert_eq!(status, Some(0), "{stdout}\n{stderr}");
    assert_eq!(stdout.lines().filter(|line| line.starts_with("  done: client ")).count(), 3, "{stdout}");
    assert!(stdout.contains("People in RemOnline: 3 before, 4 now"), "{stdout}");
    assert!(stdout.contains("Orders in RemOnline: 0 before, 3 now"), "{stdout}");
}
