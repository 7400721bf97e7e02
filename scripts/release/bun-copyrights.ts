const node = "Joyent, Inc. and other Node contributors";

/**
 * Whose work the parts of Bun are, by the name that Bun's page gives them: what their licenses want to be told with
 * the program. Read in the license files of these projects, November 2026; those that were not at hand (JavaScriptCore, simdutf,
 * tinycc, uSockets, uWebsockets, highway, ICU, TigerBeetle, and the browserify packages for tty and vm) are written from what is
 * commonly known, and are to be compared before the first release is published: docs/release.md.
 */
export const bunCopyrights: Readonly<Record<string, string>> = {
  JavaScriptCore: "1999-2026 Apple Inc., and others named in the files of WebKit",
  boringssl: "The OpenSSL Project Authors, Google Inc., 2009 The Go Authors, and others named in its files",
  brotli: "2009, 2010, 2013-2016 by the Brotli Authors",
  libarchive: "2003-2018 Tim Kientzle and others named in its files",
  "lol-html": "2019 Cloudflare, Inc.",
  "ls-hpack": "2018-2023 LiteSpeed Technologies Inc; xxhash 2012-2014 Yann Collet",
  "ls-qpack": "2018-2026 LiteSpeed Technologies Inc",
  lsquic: "2017-2026 LiteSpeed Technologies Inc; 2015 The Chromium Authors",
  mimalloc: "2018-2025 Microsoft Corporation, Daan Leijen",
  picohttp: "2009-2014 Kazuho Oku, Tokuhiro Matsuno, Daisuke Murase, Shigeo Mitsunari",
  zstd: "Meta Platforms, Inc. and affiliates",
  simdutf: "2021 The simdutf authors",
  tinycc: "2001-2004 Fabrice Bellard, and others named in its files",
  uSockets: "Alex Hultman and contributors",
  uWebsockets: "Alex Hultman and contributors",
  "zlib-ng": "1995-2024 Jean-loup Gailly and Mark Adler",
  "c-ares": "1998 Massachusetts Institute of Technology; 2007-2023 Daniel Stenberg with many contributors",
  libicu: "2016-2025 Unicode, Inc.; 1995-2016 International Business Machines Corporation and others",
  libbase64:
    "2005-2007 Nick Galbreath; 2015-2018 Wojciech Muła; 2016-2017 Matthieu Darbois; 2013-2022 Alfred Klomp",
  libuv: `2015-present libuv project contributors; ${node}; Niels Provos; Internet Systems Consortium, Inc.`,
  libdeflate: "2016 Eric Biggers; 2024 Google LLC",
  "libjpeg-turbo":
    "2009-2026 D. R. Commander; 1991-2020 Thomas G. Lane, Guido Vollbeding. " +
    "This software is based in part on the work of the Independent JPEG Group",
  libspng: "2018-2023 Randy; the libpng authors",
  libwebp: "2010 Google Inc.",
  highway: "Google LLC",
  HdrHistogram_c: "2012-2014 Gil Tene; 2014 Michael Barker; 2014 Matt Warren; 2015 Philip Orwig",
  sqlite: "nobody: its authors have given it to the public",
  "Tigerbeetle's IO code": "TigerBeetle, Inc.",
  acorn: "2012-2022 various contributors",
  "acorn-walk": "2012-2020 various contributors",
  assert: node,
  "browserify-zlib": `2014-2015 Devon Govett; ${node}`,
  buffer: "Feross Aboukhadijeh, and other contributors",
  "constants-browserify": "Julian Gruber",
  "crypto-browserify": "2013 Dominic Tarr",
  "domain-browser": "Benjamin Lupton",
  events: node,
  "https-browserify": "James Halliday",
  "os-browserify": "2017 CoderPuppy",
  "path-browserify": "2013 James Halliday",
  process: "2013 Roman Shtylman",
  punycode: "Mathias Bynens",
  "querystring-es3": "2012 Irakli Gozalishvili",
  "stream-browserify": "James Halliday",
  "stream-http": "2015 John Hiesey",
  string_decoder: node,
  "timers-browserify": `2012 J. Ryan Stinnett; ${node}`,
  "tty-browserify": "James Halliday",
  url: `2014 ${node}`,
  util: node,
  "vm-browserify": "James Halliday",
};
