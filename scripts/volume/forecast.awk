# When will the volume be full? Pure: reads lines `epoch free_bytes`, one a backup run, and prints the whole days until
# nothing is free at the present rate, or `-` when that cannot be said or free space does not shrink.
#
# Variables: now (seconds since 1970), free (bytes free now).
#
# A straight line through the last 14 days (least squares): long enough to see a weekly habit twice, short enough to
# follow a change. Fewer than three points, or less than a day between the first and the last, are no trend. The file is
# appended to by runs that may be killed: what is not two numbers is passed over, and so is what a wrong clock wrote.

BEGIN {
  DAY = 86400
  WINDOW = 14
  # A rate so small is noise.
  FARTHEST = 36525
  sound = is_number(now) && is_number(free)
}

function is_number(text) { return text ~ /^[0-9]+$/ }

sound && NF == 2 && is_number($1) && is_number($2) && $1 <= now + 0 && $1 >= now - WINDOW * DAY {
  count++
  # Days and differences: squares of seconds since 1970 would use up a double's digits.
  at[count] = ($1 - now) / DAY
  if (count == 1) { base = $2; earliest = latest = $1 + 0 }
  left[count] = $2 - base
  if ($1 < earliest) earliest = $1 + 0
  if ($1 > latest) latest = $1 + 0
  sum_at += at[count]
  sum_left += left[count]
}

END {
  answer = "-"
  if (count >= 3 && latest - earliest >= DAY) {
    for (i = 1; i <= count; i++) {
      from_mean = at[i] - sum_at / count
      together += from_mean * (left[i] - sum_left / count)
      spread += from_mean * from_mean
    }
    rate = -together / spread
    # The millionth of a day: ten days must not become nine because of the last digit of a double.
    if (rate > 0 && free / rate < FARTHEST) answer = sprintf("%d", free / rate + 0.000001)
  }
  print answer
}
