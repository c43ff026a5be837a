#!/bin/sh
# The whole line on a rehearsal site: tokens, ceremonies, a production run, the sealed list, two independent checks.
#
# Everything is made below $OUT; nothing outside is touched, and a second run destroys nothing.
# Wants: ROOTLINE (the program), DEVICES, OUT.
set -eu

: "${ROOTLINE:?}" "${DEVICES:?}" "${OUT:?}"
site="$OUT/site"
run="demo-0001"
here="$(cd "$(dirname "$0")/../.." && pwd)"

say() { printf '\n%s\n' "$*"; }

case "$DEVICES" in
  '' | *[!0-9]* | 0*) echo "DEVICES must be a whole number from 1 on, not '$DEVICES'." >&2; exit 64 ;;
esac

if [ -e "$site" ]; then
  say "There is a demo in $OUT already; nothing of it is touched."
  status=$("$ROOTLINE" run status --site "$site")
  echo "$status"
  case "$status" in
    "$run  sealed"*)
      echo "To see one made anew:  make demo OUT=$OUT-2" ;;
    "$run  "*)
      echo "The run was interrupted. Go on with it:  $ROOTLINE run resume $run --site $site"
      exit 75 ;;
    *)
      echo "It ended before its run began. Make another:  make demo OUT=$OUT-2    (or remove $OUT)"
      exit 75 ;;
  esac
  exit 0
fi

mkdir -p "$OUT"
began=$(date +%s)

say "1. A rehearsal site with a SoftHSM of its own"
"$ROOTLINE" init "$site" --hsm softhsm --demo

say "2. The ceremonies that create its keys, rehearsed"
for ceremony in root-ca issuing-ca run-authority allowlist-signer; do
  "$ROOTLINE" ceremony rehearse "$here/Ceremonies/$ceremony/script.yaml" --site "$site"
done
# Each verifier says more; its first line says whether it holds.
transcript="$site/ceremonies/root-ca/transcript.jsonl"
verdict=$("$ROOTLINE" ceremony verify "$transcript" --allow-rehearsal)
echo "$verdict" | head -n 1
if python=$("$here/Tests/Tools/auditor-python" 2>/dev/null); then
  verdict=$("$python" "$here/Ceremonies/auditor/verify_transcript.py" "$transcript" --allow-rehearsal)
  echo "$verdict" | head -n 1
else
  echo "left out  the auditor's verifier: there is no python3 with the package cryptography, 42 or later"
fi

say "3. A production run: manifest, list of serials, station key"
input="$OUT/run"
mkdir -p "$input"
sed -e "s/^quantity: .*/quantity: $DEVICES/" -e "s/^run: .*/run: $run/" \
  "$here/Templates/runs/idevid-ec-p256.yaml" > "$input/manifest.yaml"
cp "$site/station/station.pem" "$input/station.pem"
# Such as a manufacturing execution system exports.
awk -v n="$DEVICES" 'BEGIN {
  printf "serial,mac\r\n"
  for (i = 1; i <= n; i++) printf "EX-%08d,02:00:%02x:%02x:%02x:%02x\r\n", i, i / 16777216 % 256, i / 65536 % 256, i / 256 % 256, i % 256
}' > "$input/devices.csv"
"$ROOTLINE" run check "$input/manifest.yaml" --site "$site"
"$ROOTLINE" run approve "$input/manifest.yaml" --site "$site"

say "4. The devices"
"$ROOTLINE" run start "$input/manifest.yaml" --site "$site" --format json > "$OUT/run.json" || {
  code=$?
  cat "$OUT/run.json" >&2
  exit "$code"
}
seconds=$(sed -n 's/.*"seconds" : \([0-9.]*\).*/\1/p' "$OUT/run.json")
rate=$(sed -n 's/.*"devicesPerSecond" : \([0-9]*\).*/\1/p' "$OUT/run.json")

say "5. The sealed list, verified by Rootline"
"$ROOTLINE" allowlist verify --site "$site" --allow-rehearsal

say "6. The same with plain openssl, which knows nothing of Rootline"
echo "\$ openssl cms -verify -binary -inform DER -in checkpoint.p7s -content checkpoint.txt -CAfile allowlist-signer.pem"
openssl cms -verify -binary -inform DER -in "$site/log/checkpoint.p7s" -content "$site/log/checkpoint.txt" \
  -CAfile "$site/certificates/allowlist-signer.pem" -purpose any -out /dev/null
first="$site/runs/$run/packages/00000000.jsonl"
head -n 1 "$first" | sed 's/.*"certificate":"\([^"]*\)".*/\1/' | openssl base64 -d -A > "$OUT/device.der"
openssl x509 -inform DER -in "$OUT/device.der" -out "$OUT/device.pem"
echo "\$ openssl verify -CAfile root-ca.pem -untrusted issuing-ca.pem device.pem"
openssl verify -CAfile "$site/certificates/root-ca.pem" -untrusted "$site/certificates/issuing-ca.pem" "$OUT/device.pem"

say "7. The station opens the first device's key"
station="$OUT/station"
mkdir -p "$station"
chmod 700 "$station"
key=$(head -n 1 "$first" | sed 's/.*"transportKey":"\([^"]*\)".*/\1/')
openssl pkeyutl -decrypt -inkey "$site/station/station-private.pem" -pkeyopt rsa_padding_mode:oaep \
  -in "$site/runs/$run/transport-keys/$key.bin" -out "$station/transport-key"
head -n 1 "$first" | sed 's/.*"wrappedKey":"\([^"]*\)".*/\1/' | openssl base64 -d -A > "$station/wrapped"
openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K "$(od -An -v -tx1 "$station/transport-key" | tr -d ' \n')" \
  -in "$station/wrapped" -out "$station/device-key.der"
openssl pkey -inform DER -in "$station/device-key.der" -pubout -out "$station/from-key.pem"
openssl x509 -in "$OUT/device.pem" -noout -pubkey > "$station/from-certificate.pem"
cmp "$station/from-key.pem" "$station/from-certificate.pem"
echo "the unwrapped private key belongs to the certificate"
rm -r "$station"

ended=$(date +%s)
serial=EX-00000001
files=$(find "$OUT" -type f | wc -l)
say "Done in $((ended - began)) s."
cat <<SUMMARY
  devices       $DEVICES, made in $seconds s: $rate a second
  files         $files below $OUT
  site          $site
  packages      $site/runs/$run/packages
  list          $site/log

Try next:
  $ROOTLINE allowlist lookup $serial --site $site --allow-rehearsal
  $ROOTLINE allowlist lookup --certificate $OUT/device.pem --site $site --allow-rehearsal
  $ROOTLINE key list --site $site
  openssl x509 -in $OUT/device.pem -noout -text
SUMMARY
