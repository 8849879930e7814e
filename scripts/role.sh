#!/usr/bin/env bash
# The role that a restore connects as: never a superuser, made for the run where the Secret has one. Part of restore.sh.

make_role() { :; }

drop_role() { :; }
