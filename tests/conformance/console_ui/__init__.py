"""The console as somebody sees it: a real Chromium, a real node, registry and worker. Runs with `make conformance`.

It needs `apt install chromium` and the extra `browser-test`; axe needs npm. What is missing is said when it is skipped.
"""
