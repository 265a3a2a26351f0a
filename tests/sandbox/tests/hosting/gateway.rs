use http::Request;
use rstest::rstest;

use crate::setup::{get, json_of, send, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_to_the_function_of_their_route() {
    let sandbox = start(|_| ()).await;
    let url = sandbox.url.clone();
    for (request, function) in [
        (Request::post(format!("{url}/facebook/webhook")), "ingest"),
        (Request::put(format!("{url}/facebook/webhook")), "console"),
        (Request::get(format!("{url}/")), "console"),
        (Request::get(format!("{url}/api/health?a=1")), "console"),
    ] {
        let answer = json_of(&send(request, "").await);
        let pid = u32::try_from(answer["pid"].as_u64().unwrap()).unwrap();
        assert!(sandbox.pids(function).unwrap().contains(&pid), "{answer}");
    }
    sandbox.shutdown().await;
}

#[rstest]
#[case("application/json", b"{\"name\":\"\xd0\x86\xd0\xb2\xd0\xb0\xd0\xbd\"}".as_slice())]
#[case("application/json", b"\xff\x00".as_slice())]
#[case("application/octet-stream", b"\xff\x00text".as_slice())]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_come_and_go_byte_for_byte(#[case] kind: &str, #[case] body: &'static [u8]) {
    let sandbox = start(|_| ()).await;
    let request = Request::post(format!("{}/body", sandbox.url)).header("content-type", kind);
    let answer = send(request, body).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.body(), body);
    sandbox.shutdown().await;
}

#[rstest]
#[case("/err")]
#[case("/crash")]
#[case("/nonsense")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_fails_is_an_internal_error(#[case] path: &str) {
    let sandbox = start(|_| ()).await;
    let answer = get(&sandbox, path).await;
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.body(), r#"{"message":"Internal Server Error"}"#);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_over_ten_megabytes_is_too_large() {
    let sandbox = start(|_| ()).await;
    let answer = send(Request::post(format!("{}/body", sandbox.url)), vec![b'x'; 10 * 1024 * 1024 + 1]).await;
    assert_eq!(answer.status(), 413);
    assert!(sandbox.log_lines().is_empty());
    sandbox.shutdown().await;
}
