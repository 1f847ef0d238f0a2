#!/bin/sh
# For maintainers: make the files in this folder again from the npm packages. Users never need it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cd "$work"
npm install --no-save fast-png@8.0.0 fflate@0.8.3 iobuffer@6.0.1 @jsquash/jpeg@1.6.0 @noble/hashes@2.4.0 esbuild@0.28.2

patch -p1 -d node_modules/fast-png < "$here/fast-png.patch"
bundle() { # EXPORT-STATEMENT FILE: one readable ES module, nothing minified
  echo "$1" > entry.mjs
  npx esbuild entry.mjs --bundle --format=esm --target=es2022 --charset=utf8 --outfile="$here/$2"
}
bundle 'export { decode, encode } from "fast-png";' fast-png.mjs
bundle 'export { scryptAsync } from "@noble/hashes/scrypt.js";' noble-scrypt.mjs
cp node_modules/@noble/hashes/LICENSE "$here/noble-scrypt.LICENSE.txt"
for package in fast-png iobuffer fflate; do
  printf '== %s ==\n\n' "$package"
  cat "node_modules/$package/LICENSE"
  printf '\n'
done > "$here/fast-png.LICENSE.txt"

jpeg=node_modules/@jsquash/jpeg
cp "$jpeg/codec/enc/mozjpeg_enc.js" "$here/mozjpeg_enc.mjs"
install -m 644 "$jpeg/codec/enc/mozjpeg_enc.wasm" "$here/"
{
  printf '== @jsquash/jpeg, from Squoosh ==\n\n'
  cat "$jpeg/LICENSE"
  printf '\n== mozjpeg, based on libjpeg-turbo ==\n\n'
  cat "$jpeg/codec/LICENSE.codec.md"
} > "$here/mozjpeg.LICENSE.txt"
rm -r "$work"
