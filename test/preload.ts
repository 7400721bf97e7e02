// Tests see the same environment everywhere: no inherited settings, no outbound proxy.
for (const name of Object.keys(process.env)) {
  if (name.startsWith("OLLA_") && !name.startsWith("OLLA_TEST_")) delete process.env[name];
}
for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]) {
  delete process.env[name];
}
