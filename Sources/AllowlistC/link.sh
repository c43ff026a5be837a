#!/bin/sh
# Links the shared library for machines without Swift: link.sh BUILD-FOLDER OUTPUT
#
# Swift's runtime goes into the library, since SwiftPM's --static-swift-stdlib does nothing for dynamic products.
# What the result needs is the system's own: libc, libm, libstdc++ and libgcc_s.
set -eu
build=$1
output=$2
here=$(dirname "$0")
runtime=$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")/lib/swift_static/linux
[ -d "$runtime" ] || { echo "this Swift has no static runtime: $runtime" >&2; exit 1; }
# Foundation's own archive makes the linker warn; what it says is shown where it fails.
swiftc -emit-library -static-stdlib -o "$output" \
  -Xlinker -soname=librootline_allowlist.so.1 -Xlinker --version-script="$here/exports.map" \
  -Xlinker --gc-sections -Xlinker --strip-all -Xlinker -z -Xlinker defs \
  @"$build/rootline_allowlist.product/Objects.LinkFileList" \
  -lFoundationEssentials -l_FoundationCShims -l_FoundationCollections 2>"$output.log" || { cat "$output.log" >&2; exit 1; }
rm -f "$output.log"
