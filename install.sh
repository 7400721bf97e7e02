#!/bin/sh
# Installs Olla, the newest version or the one asked for, and takes it away again:
#
#   curl -fsSL https://github.com/olla-proxy/olla/releases/latest/download/install.sh | sh
#   sh install.sh --help
#
# Everything is in functions, and what calls the first of them is complete with the last character: a download that
# breaks off runs nothing.
set -eu

releases='https://github.com/olla-proxy/olla/releases'

usage() {
  cat <<'END'
Installs Olla for you (~/.local/bin), or for everybody when run as root (/usr/local/bin).

Usage: sh install.sh [options], or … | sh -s -- [options]

  --version VERSION  this version instead of the newest
  --prefix FOLDER    into FOLDER/bin and FOLDER/share
  --system           the same as --prefix /usr/local
  --uninstall        removes what this script installed there, and nothing else
  --dry-run          says what it would do
  --help             shows this

Environment: OLLA_VERSION as --version, OLLA_BASE_URL for a mirror of the releases.
END
}

say() { printf '%s\n' "$*"; }

die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

main() {
  umask 022
  base=${OLLA_BASE_URL:-$releases}
  base=${base%/}
  version=${OLLA_VERSION:-}
  prefix=
  action=install_olla
  is_dry=
  read_options "$@"
  version=${version#v}
  case $version in *[!0-9A-Za-z.-]*) die "\"$version\" is no version, which are like 1.2.3" ;; esac
  if [ -z "$prefix" ]; then
    if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:?is not set: say where with --prefix}/.local; fi
  fi
  # What is written down to be removed later must be the same place from every folder.
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  prefix=${prefix%/}
  receipt=$prefix/share/olla/installed-files
  "$action"
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --prefix)
        [ $# -ge 2 ] || die "$1 needs a value"
        if [ "$1" = --version ]; then version=$2; else prefix=$2; fi
        shift
        ;;
      --version=*) version=${1#*=} ;;
      --prefix=*) prefix=${1#*=} ;;
      --system) prefix=/usr/local ;;
      --uninstall) action=uninstall_olla ;;
      --dry-run) is_dry=1 ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) die "unknown option $1; --help shows what there is" ;;
    esac
    shift
  done
}

install_olla() {
  find_target
  find_downloader
  find_hasher
  has tar || die 'needs tar to unpack the archive'
  work=$(mktemp -d)
  staged=
  trap 'rm -rf "$work"; [ -z "$staged" ] || rm -f "$staged"' EXIT
  trap 'exit 1' HUP INT TERM
  choose_archive
  if [ -n "$is_dry" ]; then
    say "Would install Olla $version for $target as $prefix/bin/olla, from $base/download/v$version/$archive"
    return
  fi
  make_folders
  fetch_archive
  put_in_place
  advise
}

# Sets `target`, the way the archives are named: linux-x64, linux-arm64-musl, darwin-arm64, …
find_target() {
  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    arm*) die "this system is 32-bit ARM ($machine). Olla needs a 64-bit system: on a Raspberry Pi 3 or newer, install the 64-bit Raspberry Pi OS" ;;
    i?86) die "this system is 32-bit ($machine). Olla needs a 64-bit one" ;;
    *) die "there is no Olla for the processor $machine, only for x86_64 and arm64" ;;
  esac
  case $system in
    Linux)
      is_32bit && die "the kernel is 64-bit ($machine), but this system's programs are 32-bit. Olla needs a 64-bit system"
      [ "$(uname -o 2>/dev/null || true)" != Android ] || die 'there is no Olla for Android'
      target=linux-$cpu
      if is_musl; then target=$target-musl; fi
      ;;
    Darwin)
      # What runs in Rosetta is told that the processor is Intel's.
      if [ "$(sysctl -n hw.optional.arm64 2>/dev/null || true)" = 1 ]; then cpu=arm64; fi
      target=darwin-$cpu
      ;;
    MINGW* | MSYS* | CYGWIN*) die "this script is not for Windows: unpack the zip file from $releases" ;;
    *) die "there is no Olla for $system, only for Linux, macOS and Windows" ;;
  esac
}

is_32bit() {
  if has getconf; then
    [ "$(getconf LONG_BIT 2>/dev/null || true)" = 32 ]
  else
    # The fifth byte of an ELF file is 1 for 32 bits and 2 for 64.
    [ "$(dd if=/bin/sh bs=1 skip=4 count=1 2>/dev/null | od -An -tu1 | tr -d ' ')" = 1 ]
  fi
}

is_musl() {
  if has ldd; then
    ldd --version 2>&1 | grep -qi musl
  else
    ls /lib/ld-musl-* >/dev/null 2>&1
  fi
}

find_downloader() {
  if has curl; then
    downloader=curl
  elif has wget; then
    downloader=wget
  else
    die 'needs curl or wget'
  fi
}

# download URL FILE
download() {
  case $downloader in
    curl)
      # An https address must not lead to one without.
      case $1 in https:*) set -- "$@" --proto '=https' ;; esac
      curl_url=$1
      curl_file=$2
      shift 2
      curl -fsSL "$@" -o "$curl_file" "$curl_url"
      ;;
    wget) wget -q -O "$2" "$1" ;;
  esac
}

find_hasher() {
  if has sha256sum; then
    hasher='sha256sum'
  elif has shasum; then
    hasher='shasum -a 256'
  elif has openssl; then
    hasher='openssl dgst -sha256 -r'
  else
    die 'needs sha256sum, shasum or openssl, to see whether the download is what was released'
  fi
}

# Sets `version`, `archive` and `expected`, out of the list of checksums.
choose_archive() {
  if [ -z "$version" ]; then
    list=$base/latest/download/SHA256SUMS
  else
    list=$base/download/v$version/SHA256SUMS
  fi
  download "$list" "$work/SHA256SUMS" ||
    die "could not read $list${version:+. Is there a version $version?}"
  line=$(grep -E "^[0-9a-f]{64}  olla-[0-9][0-9A-Za-z.-]*-$target\.tar\.gz\$" "$work/SHA256SUMS") ||
    die "$list has no archive for $target"
  expected=${line%% *}
  archive=${line##* }
  found=${archive#olla-}
  found=${found%-"$target".tar.gz}
  [ "$found" = "${version:-$found}" ] || die "$list is about Olla $found, not $version"
  version=$found
}

make_folders() {
  mkdir -p "$prefix/bin" "$prefix/share/olla" 2>/dev/null || true
  if [ ! -w "$prefix/bin" ] || [ ! -w "$prefix/share/olla" ]; then
    die "may not write to $prefix: run this as root, or leave out --system and --prefix to install for yourself"
  fi
}

fetch_archive() {
  say "Downloading Olla $version for $target …"
  download "$base/download/v$version/$archive" "$work/$archive" ||
    die "could not download $base/download/v$version/$archive. Nothing was installed"
  # Several words on purpose.
  # shellcheck disable=SC2086
  actual=$($hasher "$work/$archive")
  actual=${actual%% *}
  [ "$actual" = "$expected" ] || die "$archive is not what was released: its checksum is
  $actual, and should be
  $expected. Nothing was installed"
  tar -xzf "$work/$archive" -C "$work" || die "could not unpack $archive. Nothing was installed"
  unpacked=$work/${archive%.tar.gz}
}

# The program is tried before it takes the place of another, and takes it in one step, even of one that is running.
put_in_place() {
  staged=$prefix/bin/.olla-$$
  cp "$unpacked/olla" "$staged"
  chmod 755 "$staged"
  if ! "$staged" --version >"$work/trial" 2>&1; then
    sed -n '1,3p' "$work/trial" >&2
    case $target in
      *-musl) die 'Olla does not run here, see above. On Alpine it needs libstdc++: apk add libstdc++. Nothing was installed' ;;
      *) die 'Olla does not run here, see above. Nothing was installed' ;;
    esac
  fi
  if [ -f "$receipt" ]; then
    say 'An Olla that runs goes on, and is the new one after its next start'
  elif [ -e "$prefix/bin/olla" ]; then
    say "Replacing a $prefix/bin/olla that did not come from this script"
  fi
  say "$prefix/bin/olla" >"$work/files"
  for name in LICENSE README.md THIRD-PARTY-NOTICES.txt config.example.yaml; do
    put_file "$name" "olla/$name"
  done
  put_file completions/olla.bash bash-completion/completions/olla
  put_file completions/_olla zsh/site-functions/_olla
  put_file completions/olla.fish fish/vendor_completions.d/olla.fish
  cp "$work/files" "$receipt"
  mv -f "$staged" "$prefix/bin/olla"
  staged=
  say "Installed Olla $version as $prefix/bin/olla"
}

# put_file PATH-IN-ARCHIVE PATH-BELOW-SHARE
put_file() {
  mkdir -p "$prefix/share/${2%/*}"
  cp "$unpacked/$1" "$prefix/share/$2"
  say "$prefix/share/$2" >>"$work/files"
}

advise() {
  case :$PATH: in
    *":$prefix/bin:"*)
      first=$(command -v olla)
      [ "$first" = "$prefix/bin/olla" ] || say "Another one comes first in your PATH: $first"
      ;;
    *)
      say "That folder is not in your PATH. For this terminal, and for later ones in your shell's start-up file:"
      say "  export PATH=\"$prefix/bin:\$PATH\""
      ;;
  esac
  say "See it work: olla demo. A configuration to begin with: $prefix/share/olla/config.example.yaml"
}

uninstall_olla() {
  [ -f "$receipt" ] || die "nothing in $prefix was installed by this script. If it was another folder, say --prefix"
  while IFS= read -r file; do
    if [ -n "$is_dry" ]; then
      say "Would remove $file"
    elif [ -e "$file" ]; then
      rm -f "$file" || die "may not remove $file: run this as root"
    fi
  done <"$receipt"
  if [ -n "$is_dry" ]; then return; fi
  rm -f "$receipt"
  rmdir "$prefix/share/olla" 2>/dev/null || true
  say "Removed Olla from $prefix. Configurations, logs and databases are left where they are."
}

{ main "$@"; }
