//! The whole layer against real connections.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;

use super::test_server::{Answer, Server, answer};
use super::*;
use crate::error::{Error, ErrorKind};

const TOKEN: &str = "marked-token";

fn ok() -> Answer {
    answer(200, "", "{}")
}

/// Short pauses, for nobody's sake.
fn policy() -> RetryPolicy {
    RetryPolicy {
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(5),
        try_timeout: Duration::from_secs(5),
        ..RetryPolicy::default()
    }
}

fn builder(origin: &str) -> ApiClientBuilder {
    ApiClient::builder("acme", format!("{origin}/v1"))
        .auth(Auth::bearer(TOKEN.into()))
        .retry(policy())
}

async fn served(answers: impl IntoIterator<Item = Answer>) -> (Server, ApiClient) {
    let server = Server::start(answers).await;
    let client = builder(&server.origin).build().expect("fit");
    (server, client)
}

fn get(client: &ApiClient) -> Request {
    client.get("list", ["things"])
}

fn post(client: &ApiClient) -> Request {
    client
        .post("create", ["things"])
        .body(&serde_json::json!({"a": 1}))
}

#[tokio::test]
async fn a_request_is_what_was_asked_for() {
    let (server, client) = served([ok()]).await;
    client
        .post("create", ["things", "a/b?c", "ü"])
        .query("tag", "a&b=c")
        .query("tag", 2)
        .header("x-extra", "yes")
        .body(&serde_json::json!({"name": "web"}))
        .done()
        .await
        .expect("answered");
    let request = &server.requests()[0];
    let (head, body) = request.split_once("\r\n\r\n").expect("both");
    let line = head.lines().next().expect("a line");
    let path = "/v1/things/a%2Fb%3Fc/%C3%BC?tag=a%26b%3Dc&tag=2";
    assert_eq!(
        line,
        format!("POST {path} HTTP/1.1"),
        "no segment leads elsewhere"
    );
    for header in [
        "authorization: Bearer marked-token",
        "x-extra: yes",
        "content-type: application/json",
    ] {
        assert!(head.contains(header), "{head}");
    }
    assert_eq!(body, r#"{"name":"web"}"#);
}

#[tokio::test]
async fn an_id_that_would_lead_to_all_things_is_asked_for_nowhere() {
    for id in ["", ".", ".."] {
        let (server, client) = served([ok()]).await;
        let error = client.delete("delete", ["things", id]).done().await;
        assert_eq!(error.expect_err(id).kind(), ErrorKind::NotFound);
        assert_eq!(server.requests(), [""; 0], "{id:?}");
    }
}

#[tokio::test]
async fn what_can_be_repeated_is_tried_until_it_succeeds() {
    let faults = [
        answer(500, "", ""),
        answer(503, "retry-after: 0\r\n", ""),
        Answer::Cut,
        answer(502, "", "<html>Bad Gateway</html>"),
        ok(),
    ];
    let (server, client) = served(faults).await;
    get(&client).json::<Value>().await.expect("the fifth try");
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_storm_of_faults_ends_with_the_fault() {
    let (server, client) = served([answer(503, "x-request-id: r-1\r\n", "later")]).await;
    let error = get(&client).done().await.expect_err("never");
    assert_eq!(error.kind(), ErrorKind::Provider);
    assert!(error.is_retryable() && !error.is_unclear());
    assert_eq!(
        (error.operation(), error.request_id()),
        (Some("list"), Some("r-1"))
    );
    assert!(error.to_string().contains("later"), "{error}");
    assert_eq!(server.requests().len(), policy().tries);
}

#[tokio::test]
async fn what_cannot_be_repeated_is_sent_once_and_its_outcome_called_unclear() {
    for fault in [
        Answer::Cut,
        answer(500, "", ""),
        answer(504, "", ""),
        answer(408, "", ""),
    ] {
        let (server, client) = served([fault.clone(), ok()]).await;
        let error = post(&client).done().await.expect_err("not repeated");
        assert!(error.is_unclear(), "{fault:?}: {error}");
        assert_eq!(server.requests().len(), 1, "{fault:?}");
    }
    for said in ["", "<html>", "{\"na", "[]"] {
        let (server, client) = served([answer(200, "", said)]).await;
        let error = post(&client)
            .json::<BTreeMap<String, u8>>()
            .await
            .expect_err("garbage");
        assert!(error.is_unclear(), "{said}: {error}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_is_certain_and_only_a_passing_one_is_tried_again() {
    for status in [400, 401, 403, 404, 422] {
        let (server, client) = served([answer(status, "", "no"), ok()]).await;
        let error = post(&client).done().await.expect_err("refused");
        assert!(!error.is_unclear() && !error.is_retryable(), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
    for status in [409, 423, 429] {
        let (server, client) = served([answer(status, "", "wait"), ok()]).await;
        post(&client)
            .done()
            .await
            .expect("nothing was done at first");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let (server, _) = served([ok()]).await;
    let port = {
        // Free a moment ago, and nobody else's habit.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    drop(server);
    let client = builder(&format!("http://127.0.0.1:{port}"))
        .build()
        .expect("fit");
    let error = post(&client).done().await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(!error.is_unclear() && error.is_retryable(), "{error}");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn a_silent_provider_is_a_timeout() {
    let server = Server::start([Answer::Silence]).await;
    let impatient = RetryPolicy {
        try_timeout: Duration::from_millis(50),
        tries: 2,
        ..policy()
    };
    let client = builder(&server.origin)
        .retry(impatient)
        .build()
        .expect("fit");
    let error = get(&client).done().await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let (server, _) = served([Answer::Endless]).await;
    let client = builder(&server.origin)
        .body_limit(100_000)
        .build()
        .expect("fit");
    let error = get(&client).done().await.expect_err("too much");
    assert!(error.to_string().contains("100000 bytes"), "{error}");
    assert!(
        post(&client)
            .done()
            .await
            .expect_err("too much")
            .is_unclear()
    );
}

#[tokio::test]
async fn html_and_broken_json_are_told_apart() {
    for (body, words) in [
        ("<!DOCTYPE html><p>hello", "a page of HTML"),
        ("{\"a\": [1, 2", "broken off"),
        (
            "{\"a\": \"marked-value\"}",
            "not what its documentation says",
        ),
    ] {
        let (_server, client) = served([answer(200, "x-correlation-id: c-7\r\n", body)]).await;
        let error = get(&client)
            .json::<BTreeMap<String, Vec<u8>>>()
            .await
            .expect_err("garbage");
        let text = error.to_string();
        assert!(text.contains(words) && text.contains("c-7"), "{text}");
        assert!(error.is_retryable() && !error.is_unclear(), "{error}");
        assert!(!format!("{error:?}").contains("marked"), "{error:?}");
    }
}

#[tokio::test]
async fn patience_is_what_the_provider_asks_for_and_everybody_has_it() {
    let server = Server::start([answer(429, "retry-after: 1\r\n", ""), ok()]).await;
    let client = builder(&server.origin)
        .rate_limit(RateLimit::tokens(100, 100.0))
        .build()
        .expect("fit");
    get(&client).done().await.expect("after a second");
    assert_eq!(server.requests().len(), 2);
    let server = Server::start([answer(429, "retry-after: 3600\r\n", "slow down")]).await;
    let client = builder(&server.origin)
        .rate_limit(RateLimit::tokens(100, 100.0))
        .build()
        .expect("fit");
    let error = get(&client).done().await.expect_err("an hour is too long");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.to_string().contains("in 3600 s"), "{error}");
    let another = client.clone();
    let waits = tokio::spawn(async move { get(&another).done().await });
    // Only what has been answered can have been sent: the other one is held.
    let (_other, free) = served([ok()]).await;
    get(&free).done().await.expect("another client is free");
    assert!(!waits.is_finished());
    assert_eq!(server.requests().len(), 1);
    waits.abort();
}

#[tokio::test]
async fn a_distant_reset_of_the_limit_is_not_waited_for() {
    // The provider's clock is ten years behind ours; only the difference counts.
    let distant = "date: Sun, 06 Nov 2016 08:49:37 GMT\r\nratelimit-reset: 1478425777\r\n";
    let server = Server::start([answer(429, distant, ""), ok()]).await;
    let client = builder(&server.origin)
        .rate_limit(RateLimit::tokens(100, 100.0))
        .build()
        .expect("fit");
    get(&client).done().await.expect("there is room again");
    get(&client).done().await.expect("nobody is held");
    assert_eq!(server.requests().len(), 3);

    let server = Server::start([answer(429, distant, "slow down")]).await;
    let short = RetryPolicy {
        // Several pauses long, however busy the machine.
        total_timeout: Duration::from_secs(1),
        ..policy()
    };
    let client = builder(&server.origin).retry(short).build().expect("fit");
    let error = get(&client).done().await.expect_err("all the time");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.to_string().contains("reset in 3600 s"), "{error}");
    assert!(server.requests().len() > 1, "it was asked again");
}

#[tokio::test]
async fn the_limit_of_one_kind_of_request_holds_no_other() {
    let server = Server::start([answer(429, "retry-after: 3600\r\n", ""), ok()]).await;
    let client = builder(&server.origin)
        .rate_limit(RateLimit::tokens(100, 100.0))
        .build()
        .expect("fit");
    let own = RateLimit::tokens(10, 10.0);
    let error = get(&client).limited_by(&own).done().await;
    assert_eq!(error.expect_err("refused").kind(), ErrorKind::RateLimited);
    get(&client).done().await.expect("another kind is free");
    let turn = tokio::time::timeout(Duration::from_millis(50), own.take());
    turn.await.expect_err("its own kind is held");
    assert_eq!(server.requests().len(), 2);
}

fn grant(origin: &str) -> PasswordGrant {
    PasswordGrant {
        token_url: format!("{origin}/token"),
        client_id: "marked&id".into(),
        client_secret: "marked-secret".into(),
        username: "user".into(),
        password: "marked-password".into(),
    }
}

#[tokio::test]
async fn a_token_is_obtained_by_password_and_anew_when_it_is_refused() {
    let token = |name| {
        answer(
            200,
            "",
            &format!(r#"{{"access_token":"{name}","expires_in":300}}"#),
        )
    };
    let server = Server::start([token("t1"), answer(401, "", ""), token("t2"), ok()]).await;
    let client = builder(&server.origin)
        .auth(Auth::password_grant(grant(&server.origin)))
        .request_id_header("x-request-id")
        .build()
        .expect("fit");
    get(&client).done().await.expect("by the second token");
    let requests = server.requests();
    assert!(requests[0].starts_with("POST /token"), "{}", requests[0]);
    assert!(
        requests[0].ends_with(
            "grant_type=password&client_id=marked%26id&client_secret=marked-secret\
             &username=user&password=marked-password"
        ),
        "{}",
        requests[0]
    );
    assert!(requests[1].contains("Bearer t1") && requests[3].contains("Bearer t2"));
    let uuid = |request: &str| {
        let line = request
            .lines()
            .find_map(|line| line.strip_prefix("x-request-id: "));
        line.expect("a request id").to_owned()
    };
    let (first, second) = (uuid(&requests[1]), uuid(&requests[3]));
    assert_ne!(first, second);
    assert_eq!((first.len(), &first[14..15]), (36, "4"), "{first}");

    let (server, _) = served([answer(401, "", r#"{"error":"invalid_grant"}"#)]).await;
    let client = builder(&server.origin)
        .auth(Auth::password_grant(grant(&server.origin)))
        .build()
        .expect("fit");
    let error = get(&client).done().await.expect_err("a wrong password");
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(server.requests().len(), 1);
    assert!(
        !format!("{error:?} {client:?}").contains("marked"),
        "{error:?}"
    );
}

#[tokio::test]
async fn secrets_are_taken_out_of_what_a_provider_repeats() {
    let (_server, client) = served([answer(400, "", "bad token marked-token!")]).await;
    let error = post(&client).done().await.expect_err("refused");
    assert!(error.to_string().contains("bad token [secret]!"), "{error}");
    let echo = r#"bad user_data: "runcmd:\n - marked-line-of-the-document\n""#;
    let (_server, client) = served([answer(422, "", echo)]).await;
    let user_data = "#cloud-config\nruncmd:\n - marked-line-of-the-document\n".into();
    let hidden = post(&client).hiding(&user_data).done().await;
    let hidden = hidden.expect_err("refused").to_string();
    assert!(
        hidden.contains("bad user_data") && !hidden.contains("marked"),
        "{hidden}"
    );
    let shown = format!("{error:?} {client:?} {:?}", post(&client));
    assert!(!shown.contains("marked"), "{shown}");
}

#[tokio::test]
async fn a_failed_handshake_says_why() {
    let (server, _) = served([answer(400, "", "plain HTTP")]).await;
    let https = server.origin.replace("http:", "https:");
    let client = builder(&https).build().expect("fit");
    let error = post(&client).done().await.expect_err("no TLS");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    assert!(!error.is_unclear() && !error.is_retryable());
    assert!(
        server.requests().is_empty(),
        "nothing was said in the clear"
    );
}

#[test]
fn an_unfit_endpoint_is_refused_before_anything_is_sent_to_it() {
    let build = |url: &str| {
        ApiClient::builder("acme", url)
            .auth(Auth::bearer(SecretString::from(TOKEN)))
            .build()
            .map(drop)
    };
    for (url, words) in [
        ("", "is no URL"),
        ("api.example.com", "is no URL"),
        ("ftp://api.example.com", "https://"),
        ("http://api.example.com/v1", "unencrypted"),
        ("http://localhost.example.com", "unencrypted"),
        (
            "https://user:pass@api.example.com",
            "credentials by their own",
        ),
        ("https://api.example.com/v1?x=1", "more than a path"),
    ] {
        let error: Error = build(url).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(words), "{error}");
    }
    for url in [
        "https://api.example.com/v1",
        "http://127.0.0.1:1/v2/",
        "http://[::1]:1",
        "http://localhost:1",
    ] {
        build(url).expect(url);
    }
}
