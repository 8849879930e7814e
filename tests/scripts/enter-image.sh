#!/usr/bin/env bash
# Runs a command in an image's root file system, which it sees as a container would: read-only, a small /dev, one folder
# to write to, and the scripts. Nothing else of this machine is there but its processes and its network.
#
# Every mount is made in a mount namespace that this process and its children have for themselves, so the kernel takes
# all of them away with the last process, however that ends.
#
# Usage: unshare --mount bash enter-image.sh IMAGE DIRECTORY SCRIPTS COMMAND...
#   IMAGE holds `tree`, the image's files, and `mount`, an empty folder.
set -Eeuo pipefail

image=$1 directory=$2 scripts=$3
shift 3
# The command's PATH may lead to a test's own tools.
path=$PATH
PATH=/usr/sbin:/usr/bin:/sbin:/bin

cd "$image"
# An overlay takes the folders that the mounts below need; names relative to here need no quoting.
mount -t tmpfs pgkeep mount
cd mount
mkdir upper work root
mount -t overlay -o lowerdir=../tree,upperdir=upper,workdir=work pgkeep root
cd root
mount --rbind /proc proc

mount -t tmpfs -o mode=0755 pgkeep dev
for node in null zero full random urandom tty; do
  : >"dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
ln -s /proc/self/fd dev/fd # process substitution reads from there
mkdir -m 1777 dev/shm

mkdir -p ".$directory" ".$scripts"
mount --rbind "$directory" ".$directory"
mount --bind "$scripts" ".$scripts"
mount -o remount,bind,ro ".$scripts"
mount -o remount,bind,ro .

# What bash itself has exported stays behind: the command gets the environment it was given.
exec chroot . /usr/bin/env -u _ -u OLDPWD -u PWD -u SHLVL -C "$directory" PATH="$path" "$@"
