# Which backups stay and which go. Pure: reads lines `name status`, prints lines `keep|delete name reason`, newest first.
#
# Variables: now (seconds since 1970), days (older ones may go), minimum (so many of the newest always stay).
# Only verified backups are ever deleted, and only they count: a failed or damaged one must not push a good one out.
# A name from the future (a clock that was wrong) neither goes nor counts. The time comes from the name: file times
# change when a volume is copied. Dates are computed here, because mktime() is missing from some awks and takes the
# local time zone in others.

# Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that a leap day comes last.
function days_before(year, month, day, era_year) {
  if (month <= 2) { year--; month += 12 }
  return 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * (month - 3) + 2) / 5) + day - 719469
}

function days_in(year, month) {
  if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
}

# Seconds since 1970 of backup-YYYYMMDD-HHMMSS, or -1.
function moment(name, year, month, day, hour, minute, second) {
  if (length(name) != 22 || name !~ /^backup-[0-9]+-[0-9]+$/ || substr(name, 16, 1) != "-") return -1
  year = substr(name, 8, 4) + 0; month = substr(name, 12, 2) + 0; day = substr(name, 14, 2) + 0
  hour = substr(name, 17, 2) + 0; minute = substr(name, 19, 2) + 0; second = substr(name, 21, 2) + 0
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return -1
  if (hour > 23 || minute > 59 || second > 60) return -1
  return days_before(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
}

BEGIN {
  # Without sound numbers nothing may go.
  sound = now ~ /^[0-9]+$/ && days ~ /^[0-9]+$/ && minimum ~ /^[0-9]+$/
  if (minimum + 0 < 1) minimum = 1
}

NF >= 2 {
  count++
  names[count] = $1
  states[count] = $2
}

# Newest first. An insertion sort: the input nearly always comes sorted.
function sort_names(i, j, name, state) {
  for (i = 2; i <= count; i++) {
    name = names[i]; state = states[i]
    for (j = i - 1; j >= 1 && names[j] < name; j--) { names[j + 1] = names[j]; states[j + 1] = states[j] }
    names[j + 1] = name; states[j + 1] = state
  }
}

END {
  sort_names()
  kept = 0
  for (i = 1; i <= count; i++) {
    made = moment(names[i])
    age = (now - made) / 86400
    if (!sound) verdict = "keep - the retention settings are not numbers"
    else if (states[i] != "verified") verdict = "keep - " states[i] " backups are never deleted"
    else if (made < 0) verdict = "keep - the name holds no date"
    else if (made > now) verdict = "keep - it is dated in the future"
    else if (++kept <= minimum) verdict = "keep - one of the newest " minimum
    else if (age <= days) verdict = "keep - not older than " days " days"
    else verdict = "delete - older than " days " days"
    split(verdict, words, " - ")
    print words[1] " " names[i] " " words[2]
  }
}
