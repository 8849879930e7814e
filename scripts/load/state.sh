#!/usr/bin/env bash
# What the steps of a load share: which database is filled, and from which manifest.

[[ ! -v PGKEEP_LOAD_STATE ]] || return 0
readonly PGKEEP_LOAD_STATE=1

MANIFEST=''       # its manifest.json; empty for a legacy file
LIVE=''           # present or absent
SIDE=''           # the database that is filled; never one that anybody uses
SIDE_NUMBER=''    # the OID of the side database, once this run has made it
STAMP=''          # YYYYMMDD_HHMMSS, the start of this run
SIDE_MADE=''      # set before CREATE DATABASE
PREPARED=''       # set where an administrator has made the side database: it is filled, and never dropped
PREPARED_BEGUN='' # set before anything is made in it
OWNERSHIP=''      # known or unknown: does the manifest say who owns what?
