#!/bin/sh
# curl against a started server, as the README shows it: curl.sh BASE_URL KEY IMAGE
set -eu

base_url=$1
key=$2
image="data:image/jpeg;base64,$(base64 <"$3" | tr -d '\n')"

ask() { # MODEL IMAGE STREAM
  printf '{"model":"%s","stream":%s,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"%s"}}]}]}' "$1" "$3" "$2"
}

post() { # prints the answer, then its status on a line of its own
  curl --silent --show-error --no-buffer --noproxy '*' --write-out '\n%{http_code}\n' \
    "$base_url/chat/completions" -H "Authorization: Bearer $key" -d @-
}

must_hold() { # TEXT PATTERN ...
  text=$1
  shift
  for pattern in "$@"; do
    printf '%s\n' "$text" | grep -q -e "$pattern" || {
      printf '%s is not in: %s\n' "$pattern" "$text" >&2
      exit 1
    }
  done
}

must_hold "$(ask readstone-ocr "$image" null | post)" 'LANTERN GROCERY' 'Rye bread' '22\.53' '"usage":{' '^200$'
echo whole_answer

must_hold "$(ask readstone-ocr "$image" true | post)" '^data: .*LANTERN' '^data: .*"usage":{' '^data: \[DONE\]$' '^200$'
echo stream

must_hold "$(ask readstone-missing "$image" null | post)" "There is no model 'readstone-missing'\." '"code":"model_not_found"' '^404$'
echo unknown_model

must_hold "$(ask readstone-ocr 'data:image/png;base64,AAAA' null | post)" 'is not an image; send a PDF, or jpeg, png or webp\.' '"code":"invalid_image"' '^400$'
echo broken_image

key=wrong
must_hold "$(ask readstone-ocr "$image" null | post)" 'That is not a key of this server' '"code":"invalid_api_key"' '^401$'
echo wrong_key
