-- How databases of ours are known, as psql variables for patterns. Whoever makes or looks for one includes this.
--
-- One that a restore or an undo has put aside: its name, and the first line of its comment,
-- `pgkeep kept: SUCCESSOR STAMP NAME` (what took its place, when, and of which database). One that a restore fills: its name,
-- and its comment `pgkeep restore in progress: BACKUP NAME`. Never by one of them alone: any owner can write a comment.
\set aside_name '_(before|undone)_[0-9]{8}_[0-9]{6}$'
\set aside_mark '^pgkeep kept: (undo|backup-[0-9]{8}-[0-9]{6}([.]sql[.]gz)?) [1-9][0-9]{3}(0[1-9]|1[0-2])[0-9]{2}_[0-9]{6} '
\set aside_words '^pgkeep kept: [^ ]+ [^ ]+ '
\set side_name '_restore_[0-9]{8}_[0-9]{6}$'
\set side_mark '^pgkeep restore in progress: backup-[0-9]{8}-[0-9]{6}([.]sql[.]gz)? '
\set side_words '^pgkeep restore in progress: [^ ]+ '
