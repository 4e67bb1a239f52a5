from vhlocal.gateway.report import Failure, FailureKind, Page, failure_response


def failure(method: str, status: int) -> Failure:
    return Failure(FailureKind.UNAVAILABLE, status, "/o/p/d/v/e", "e", "v", method, "/o/p/d/v/e", (), "why", "id-1")


def test_a_failure_is_answered_whole():
    page = Page(b'{"why": 1}', "application/json", (("X-Hint", "wait"),))
    assert failure_response(failure("GET", 503), page, close=True) == (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 10\r\nX-Hint: wait\r\n"
        b"Retry-After: 1\r\nCache-Control: no-store\r\nX-Request-ID: id-1\r\nConnection: close\r\n\r\n"
        b'{"why": 1}'
    )


def test_a_head_request_gets_the_head_alone():
    response = failure_response(failure("HEAD", 404), Page(b"four", "text/plain"), close=False)
    assert response.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"Content-Length: 4\r\n" in response
    assert response.endswith(b"\r\n\r\n")
    assert b"Retry-After" not in response
    assert b"Connection" not in response
