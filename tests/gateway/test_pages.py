"""Error pages that cannot be made."""

import asyncio

from tests.gateway.harness import answering, get, stage


def test_a_page_that_fails_leaves_no_client_waiting(run):
    async def main():
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
        error = KeyError("page")

        def broken(failure):
            reasons.append(failure.reason)
            raise error

        reasons: list[str] = []
        async with stage(answering(b"ok")) as at, at.client() as client:
            at.gateway._pages = broken
            await client.send(get(b"/other/digits/local/dev/predict"))
            status, headers, body = await client.answer()
            assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")
            assert [body] == [f"{reason}\n".encode() for reason in reasons]
            assert told == [error]

    run(main)
