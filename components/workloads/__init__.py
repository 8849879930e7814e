"""The workloads: one CronJob a file, on one form of CronJob and of pod."""
