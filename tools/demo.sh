#!/usr/bin/env bash
# Shows the windrow command at its main job, on real data, and checks every result. Run it from the root of the
# repository; WINDROW is the command to use.
set -euo pipefail
export LC_ALL=C

windrow=${WINDROW:-windrow}
data=tests/data/weather.csv
copies=40

fail() {
  echo "demo: $*" >&2
  exit 1
}

heading() {
  printf '\n== %s\n' "$*"
}

[ -f "$data" ] || fail "$data not found: run this from the root of the repository"
"$windrow" --version >/dev/null || fail "cannot run $windrow: set WINDROW to the command"

# Found now, for some steps run in another folder to keep file names short.
windrow_path=$(command -v "$windrow")
case $windrow_path in
/*) ;;
*) windrow_path=$PWD/$windrow_path ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
file=$scratch/weather.array_record

heading "convert: $(wc -c <"$data" | tr -d ' ') bytes of CSV, 256 rows per chunk, one row per chunk, and pages"
"$windrow" convert --quiet --group-size 256 "$data" "$file"
"$windrow" rechunk --quiet --group-size 1 "$file" "$scratch/single.array_record"
"$windrow" rechunk --quiet --layout pages --dictionary auto "$file" "$scratch/pages.array_record"
printf '256 rows per chunk: %8d bytes, for small files and reading in order\n' "$(wc -c <"$file")"
printf '  1 row per chunk:  %8d bytes, for reading at random\n' "$(wc -c <"$scratch/single.array_record")"
printf '  pages, dictionary:%8d bytes, for reading at random by Windrow\n' "$(wc -c <"$scratch/pages.array_record")"

heading "inspect"
(cd "$scratch" && "$windrow_path" inspect weather.array_record)

heading "verify --deep: every hash, every record"
(cd "$scratch" && "$windrow_path" verify --deep weather.array_record single.array_record pages.array_record)

heading "ten records at random, against the lines of the CSV"
rows=$(($(wc -l <"$data") - 1))
indices=$(awk -v rows="$rows" 'BEGIN { srand(); for (i = 0; i < 10; i++) print int(rand() * rows) }')
# Record 0 is line 2: the header is line 1.
for index in $indices; do
  sed -n "$((index + 2))p" "$data"
done >"$scratch/expected"
"$windrow" cat --indices "$(echo "$indices" | paste -s -d , -)" "$file" >"$scratch/found"
diff "$scratch/expected" "$scratch/found" || fail "records differ from the lines of $data"
echo "$(echo "$indices" | paste -s -d ' ' -): all equal"

heading "back to CSV"
"$windrow" convert --quiet "$file" "$scratch/weather.csv"
cmp "$data" "$scratch/weather.csv" || fail "the CSV differs from $data"
echo "equal to the original, byte for byte"

heading "the same data as a table: columns, a filter, a random row"
columns=$scratch/weather.columns
"$windrow" convert --quiet --null NA "$data" "$columns"
printf 'columns:            %8d bytes\n' "$(wc -c <"$columns")"
# In the CSV: wind_speed is column 10, precip 12, both NA where nobody measured.
"$windrow" cat --columns month,day,hour,wind_speed --where 'wind_speed > 30 and precip = 0' --limit 5 --format table "$columns"
expected=$(awk -F, 'NR > 1 && $10 != "NA" && $10 > 30 && $12 != "NA" && $12 == 0' "$data" | wc -l)
found=$("$windrow" cat --columns hour --where 'wind_speed > 30 and precip = 0' --format csv "$columns" | tail -n +2 | wc -l)
[ "$found" -eq "$expected" ] || fail "$found rows pass the filter instead of $expected"
"$windrow" cat --indices "$(awk -v rows="$rows" 'BEGIN { srand(); print int(rand() * rows) }')" --format jsonl "$columns"
(cd "$scratch" && "$windrow_path" verify --deep weather.columns)

heading "append, and what is left when a byte of the result is damaged"
cp "$file" "$scratch/twice.array_record"
"$windrow" append --quiet "$scratch/twice.array_record" "$data"
printf 'X' | dd of="$scratch/twice.array_record" bs=1 seek=1000 conv=notrunc 2>/dev/null
status=0
(cd "$scratch" && "$windrow_path" repair twice.array_record -o whole.array_record) || status=$?
[ "$status" -eq 1 ] || fail "repair ended with $status"
kept=$("$windrow" cat "$scratch/whole.array_record" | wc -l)
[ "$kept" -eq $((2 * rows - 256)) ] || fail "$kept rows were kept"
(cd "$scratch" && "$windrow_path" verify --deep whole.array_record)

heading "reading in order: $copies times the data in one file, process start included"
many=()
for _ in $(seq "$copies"); do many+=("$data"); done
"$windrow" convert --quiet --group-size 256 "${many[@]}" "$scratch/many.array_record"
bytes=$("$windrow" cat "$scratch/many.array_record" | wc -c)
TIMEFORMAT=%R
seconds=$({ time "$windrow" cat "$scratch/many.array_record" >/dev/null; } 2>&1)
awk -v bytes="$bytes" -v records="$((rows * copies))" -v seconds="$seconds" 'BEGIN {
  if (seconds <= 0) seconds = 0.001
  printf "%d records, %.1f MB in %.3f s: %.0f MB/s, %.2f million records/s\n",
    records, bytes / 1e6, seconds, bytes / 1e6 / seconds, records / 1e6 / seconds
}'
[ "$bytes" -eq $(($(tail -n +2 "$data" | wc -c) * copies)) ] || fail "bytes are missing"

printf '\ndemo: all checks passed\n'
