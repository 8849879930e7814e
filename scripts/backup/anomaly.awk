# Is a new backup unlike those before it? Pure: the first line is the new one, each further line an earlier good one, as
# `bytes rows tables large_objects` (`-`: not known). Prints all reasons for suspicion in one line, or nothing.
#
# Variables: factor (so many times less or more than the median of the earlier ones is suspicious), minimum (a median of
# fewer says nothing). Medians, because one odd backup among the earlier ones must not move the measure.
#
# Small numbers double and halve in any young database, so a change between two small ones is none. That something is
# gone entirely is never small.

BEGIN {
  metrics = split("the size|rows|tables|large objects", labels, "|")
  split(1024 * 1024 " 1000 4 10", small, " ")
}

function is_number(text) { return text ~ /^[0-9]+$/ }

# %.0f: %d ends at 2^31 in some awks.
function words_for(metric, value) { return metric == 1 ? human_size(value) : sprintf("%.0f", value) }

function human_size(bytes, units, unit) {
  split("B KiB MiB GiB TiB", units, " ")
  for (unit = 1; unit < 5 && bytes >= 1024; unit++) bytes /= 1024
  # Cut, not rounded, as in core/text.sh.
  return unit == 1 ? sprintf("%d B", bytes) : sprintf("%.1f %s", int(bytes * 10) / 10, units[unit])
}

# The lower median of one metric of the earlier ones.
function median(metric, i, j, value, sorted) {
  for (i = 1; i <= known[metric]; i++) {
    value = earlier[metric, i]
    for (j = i; j > 1 && sorted[j - 1] > value; j--) sorted[j] = sorted[j - 1]
    sorted[j] = value
  }
  return sorted[int((known[metric] + 1) / 2)]
}

function judge(metric, value, usual, verb, sample) {
  usual = median(metric)
  if (value >= small[metric] || usual >= small[metric]) {
    if (value * factor < usual) verb = "fell"
    if (value > usual * factor) verb = "rose"
  } else if (value == 0 && usual > 0) verb = "fell"
  if (verb == "") return ""
  sample = "the median of the last " known[metric] " backups is " words_for(metric, usual)
  return labels[metric] " " verb " to " words_for(metric, value) ", " sample
}

{
  for (metric = 1; metric <= metrics; metric++) {
    if (!is_number($metric)) continue
    if (NR == 1) fresh[metric] = $metric + 0
    else earlier[metric, ++known[metric]] = $metric + 0
  }
}

END {
  # Not to judge would be the unsafe way out.
  if (!is_number(factor) || factor < 2 || !is_number(minimum)) reasons = "the anomaly settings are not numbers"
  else {
    for (metric = 1; metric <= metrics; metric++) {
      if (!(metric in fresh) || known[metric] < max(minimum, 1)) continue
      reason = judge(metric, fresh[metric])
      if (reason != "") reasons = reasons (reasons == "" ? "" : "; ") reason
    }
  }
  if (reasons != "") print reasons
}

function max(a, b) { return a > b ? a : b }
