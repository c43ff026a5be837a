#!/bin/sh
# `make bench`'s peer of OpenSSL: `openssl x509 -req` with the engine pkcs11, a process a device.
#
# Keys, requests and extension files of all devices are made first and not counted. Then each request is signed with
# the issuing key in the token. One after another: processes that log in together break SoftHSM's token file.
# No key is made in the token and none wrapped, nothing is checked and nothing recorded: less than a run does.
#
#     openssl_engine_peer.sh TOKEN PIN-FILE ISSUER-LABEL ISSUER-PEM FOLDER DEVICES
#
# Prints the devices a second. SOFTHSM2_CONF and PKCS11_MODULE_PATH are the token's.
set -eu
token=$1 pin=$2 label=$3 issuer=$4 folder=$5 devices=$6

number=0
while [ "$number" -lt "$devices" ]; do
  name="$folder/$number"
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.csr" \
    -subj "/O=Example Manufacturing/CN=Example Sensor/serialNumber=PEER-$number" 2>/dev/null
  cat > "$name.ext" <<END
keyUsage = critical, digitalSignature
authorityKeyIdentifier = keyid
subjectKeyIdentifier = none
subjectAltName = otherName:1.3.6.1.5.5.7.8.4;SEQUENCE:module
[module]
type = OID:1.3.6.1.4.1.99999.1.1
serial = FORMAT:ASCII,OCTETSTRING:PEER-$number
END
  number=$((number + 1))
done

# The object's name is a path in a URI: what is no letter is written as octets (RFC 7512 section 2.3).
object=$(printf %s "$label" | sed 's|/|%2F|g; s|:|%3A|g')
key="pkcs11:token=$token;object=$object;type=private?pin-source=file:$pin"
begun=$(date +%s.%N)
number=0
while [ "$number" -lt "$devices" ]; do
  name="$folder/$number"
  openssl x509 -req -in "$name.csr" -engine pkcs11 -CAkeyform engine -CAkey "$key" -CA "$issuer" -sha256 -days 36500 \
    -extfile "$name.ext" -out "$name.pem" 2> "$folder/error" || { cat "$folder/error" >&2; exit 1; }
  number=$((number + 1))
done
ended=$(date +%s.%N)
echo "$devices $begun $ended" | awk '{ printf "%.1f\n", $1 / ($3 - $2) }'
