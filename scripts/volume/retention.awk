# Which backups stay and which go. Pure: reads lines `group name status flags`, prints a line
# `keep|delete group name reason` for each, groups in the order in which they appear, newest first within.
#
# Variables: now (seconds since 1970), days (older ones may go), minimum (so many of the newest stay; one always does),
# and daily, weekly, monthly (the last one of each of so many newest days, weeks, months stays; 0: off). Flags: `-` or
# some of safety,pinned,proven,suspicious,in-use.
#
# Only verified backups are ever deleted, and only they count: a failed or damaged one must not push a good one out.
# A name from the future (a clock that was wrong) neither goes nor counts. The time comes from the name: file times
# change when a volume is copied. Dates are computed here, because mktime() is missing from some awks and takes the
# local time zone in others. Groups (databases) know nothing of one another.
#
# A safety backup is of a database that somebody wanted to replace: it takes no place from the others and says nothing
# about what is usual. It is pinned; unpinned it goes by its age, and never while no other verified one is newer.
#
# Age is time in which backups were made: a gap between two backups counts as at most one day or twice the usual gap,
# whichever is more. See last_young().

BEGIN {
  DAY = 86400
  # So many of the newest gaps tell what is usual: a dozen runs by hand on one evening do not change a weekly schedule's
  # gap, and a new schedule is understood after sixteen runs.
  SAMPLE = 31
  # With fewer gaps one wrong clock could pass for a schedule.
  FEWEST = 3

  # Without sound numbers nothing may go.
  sound = is_number(now) && is_number(days) && is_number(minimum)
  sound = sound && is_number(daily) && is_number(weekly) && is_number(monthly)
  now += 0; days += 0; minimum += 0; daily += 0; weekly += 0; monthly += 0
}

# Appending "" makes strings of them: names and groups that look like numbers must not be compared as such.
NF >= 2 {
  count++
  groups[count] = $1 ""
  names[count] = $2 ""
  # Without its flags a pinned one would go.
  states[count] = NF == 4 ? $3 "" : "unreadable"
  flags[count] = "," $4 ","
  if (!(groups[count] in seen)) {
    seen[groups[count]] = 1
    group_names[++group_count] = groups[count]
  }
}

function is_number(text) { return text ~ /^[0-9]+$/ }

function min(a, b) { return a < b ? a : b }

function max(a, b) { return a > b ? a : b }

# Days from 1970-01-01 to a date; years begin in March, so that a leap day comes last.
function days_before(year, month, day) {
  if (month <= 2) { year--; month += 12 }
  day += int((153 * (month - 3) + 2) / 5) - 719469
  return 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + day
}

function days_in(year, month) {
  if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
}

# Seconds since 1970 of backup-YYYYMMDD-HHMMSS; less than nothing when it is no date, or an earlier one.
function moment(name, year, month, day, hour, minute, second) {
  if (length(name) != 22 || name !~ /^backup-[0-9]+-[0-9]+$/ || substr(name, 16, 1) != "-") return -1
  year = substr(name, 8, 4) + 0; month = substr(name, 12, 2) + 0; day = substr(name, 14, 2) + 0
  hour = substr(name, 17, 2) + 0; minute = substr(name, 19, 2) + 0; second = substr(name, 21, 2) + 0
  if (month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return -1
  if (hour > 23 || minute > 59 || second > 59) return -1
  return days_before(year, month, day) * DAY + hour * 3600 + minute * 60 + second
}

function date_of(name) { return substr(name, 8, 4) "-" substr(name, 12, 2) "-" substr(name, 14, 2) }

# The number of a Monday-to-Sunday week; 1970-01-01 was a Thursday.
function week_of(day) { return int((day + 3) / 7) }

# ISO 8601: a week belongs to the year of its Thursday.
function week_name(day, year, thursday) {
  thursday = week_of(day) * 7
  if (thursday < days_before(year, 1, 1)) year--
  else if (thursday >= days_before(year + 1, 1, 1)) year++
  return sprintf("%04d-W%02d", year, int((thursday - days_before(year, 1, 1)) / 7) + 1)
}

# Sorts by name. A merge sort of the stretches that are sorted already: the input nearly always comes in order.
function sort_lines(i, left, right, end, stretches) {
  for (i = 1; i <= count; i++) order[i] = names[1] > names[count] ? count + 1 - i : i
  do {
    stretches = 0
    for (left = 1; left <= count; left = end + 1) {
      right = stretch_end(left) + 1
      end = right > count ? count : stretch_end(right)
      if (right <= end) merge(left, right, end)
      stretches++
    }
  } while (stretches > 1)
}

function stretch_end(i) {
  while (i < count && names[order[i]] <= names[order[i + 1]]) i++
  return i
}

function merge(left, right, end, i, j, to) {
  i = left; j = right
  for (to = left; to <= end; to++) {
    if (j > end || (i < right && names[order[i]] <= names[order[j]])) merged[to] = order[i++]
    else merged[to] = order[j++]
  }
  for (to = left; to <= end; to++) order[to] = merged[to]
}

function has(line, flag) { return index(flags[line], "," flag ",") > 0 }

# How many of the good ones, newest first in moments[1..good], are not older than `days`.
#
# By the calendar alone a clock that jumps ahead by years, or a month in which every run failed, would make everything
# old at once; the first good run after it would then delete all that still shows the time before. So a gap counts as
# no more than a normal one, however long it was. Twice the usual gap, because schedules are not even (Monday and
# Thursday, the first and the fifteenth). One day at least, so that runs by hand close together cannot cut a daily gap.
# Where a gap is cut that was real (weekends without backups, many runs by hand in a weekly schedule), backups only stay
# longer. A clock that jumps back puts names into the future, which do not count; what it names itself is one more old
# backup, at a capped gap from the others.
#
# What is usual (the lower median) for a backup is asked of the newest gaps up to it, and it is young if it or any
# older one is young by that. Asking all gaps would be simpler and wrong: those that a deletion leaves behind, between
# the weekly and monthly ones, are wider, so a deletion would raise the ages and cause the next one. This way nothing
# depends on what is older than the last young one: deciding again after a deletion deletes nothing more.
function last_young(good, i, gaps, gap, gap_of, sorted, cap, age, young) {
  young = 0
  cap = DAY
  gap_of[0] = now - moments[1]
  age = min(gap_of[0], cap)
  if (age <= days * DAY) young = 1
  for (gaps = 1; gaps < good; gaps++) {
    gap = gap_of[gaps] = moments[gaps] - moments[gaps + 1]
    if (gaps <= SAMPLE) {
      for (i = gaps; i > 1 && sorted[i - 1] > gap; i--) sorted[i] = sorted[i - 1]
      sorted[i] = gap
      if (gaps >= FEWEST) cap = max(DAY, 2 * sorted[int((gaps + 1) / 2)])
      age = 0
      for (i = 0; i <= gaps; i++) age += min(gap_of[i], cap)
    } else age += min(gap, cap)
    if (age <= days * DAY) young = gaps + 1
  }
  return young
}

# A safety backup, with so many of the others newer than it. Its age is that of one more backup after the last young one:
# what is older than that one may be gone at the next decision and so says nothing.
function reason_for_safety(line, newer, young, saved, old) {
  if (has(line, "pinned")) return "pinned"
  if (has(line, "in-use")) return "in use by another run"
  if (newer == 0) return "no other verified one is newer"
  if (newer >= young) {
    saved = moments[young + 1]
    moments[young + 1] = made_at[line]
    old = last_young(young + 1) <= young
    moments[young + 1] = saved
    if (old) return ""
  }
  return "not older than " days_words()
}

# Is this the newest one of its day, week or month, and is that one of the newest `limit` that have one? It takes the
# place also if it stays for another reason. Called newest first.
function has_place(kind, key, limit) {
  if (key == place[kind]) return 0
  place[kind] = key
  return ++places[kind] <= limit
}

# Prints the verdicts of one group, whose lines are first, following[first] and so on, newest first.
function decide(first, line, made, good, young, held, proven, rank, old) {
  good = proven = 0; held = ""
  for (line = first; line; line = following[line]) {
    if (held == "" && has(line, "suspicious")) held = names[line]
    if (states[line] != "verified") continue
    made = made_at[line] = moment(names[line])
    if (made < 0 || made > now || has(line, "safety")) continue
    moments[++good] = made
    if (!proven && has(line, "proven")) proven = line
  }
  young = good ? last_young(good) : 0

  place["day"] = place["week"] = place["month"] = "none"
  places["day"] = places["week"] = places["month"] = 0
  rank = 0
  for (line = first; line; line = following[line]) {
    old = 0
    if (!sound) reason = "the retention settings are not numbers"
    else if (states[line] == "unreadable") reason = "its status and flags cannot be read"
    else if (states[line] != "verified") reason = states[line] " backups are never deleted"
    else if (made_at[line] < 0) reason = "the name holds no date"
    else if (made_at[line] > now) reason = "it is dated in the future"
    else {
      if (has(line, "safety")) reason = reason_for_safety(line, rank, young)
      else reason = reason_to_stay(line, ++rank, young, line == proven)
      old = reason == ""
      if (old) reason = "older than " days_words()
      if (old && held != "") {
        old = 0
        reason = "retention is held: " held " is suspicious until it is acknowledged"
      }
    }
    print (old ? "delete" : "keep") " " groups[line] " " names[line] " " reason
  }
}

# The first reason that applies, or nothing.
function reason_to_stay(line, rank, young, is_proven, name, day, for_day, for_week, for_month) {
  name = names[line]
  day = int(made_at[line] / DAY)
  for_day = has_place("day", day, daily)
  for_week = has_place("week", week_of(day), weekly)
  for_month = has_place("month", substr(name, 8, 6), monthly)
  if (has(line, "pinned")) return "pinned"
  if (has(line, "in-use")) return "in use by another run"
  if (rank == 1) return "the newest verified"
  if (is_proven) return "the newest proven"
  if (rank <= minimum) return "one of the newest " minimum
  if (rank <= young) return "not older than " days_words()
  if (for_day) return "kept for day " date_of(name)
  if (for_week) return "kept for week " week_name(day, substr(name, 8, 4) + 0)
  if (for_month) return "kept for month " substr(date_of(name), 1, 7)
  return ""
}

function days_words() { return days (days == 1 ? " day" : " days") }

END {
  sort_lines()
  for (i = count; i >= 1; i--) {
    line = order[i]; group = groups[line]
    if (group in last) following[last[group]] = line
    else newest[group] = line
    last[group] = line
  }
  for (i = 1; i <= group_count; i++) decide(newest[group_names[i]])
}
