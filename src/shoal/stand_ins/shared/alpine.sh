#!/bin/sh
# Makes the shell and the missing small commands busybox's, as scripts written for Alpine expect.
# busybox lies beside this file where the host has a static one; else it comes from Debian.
set -e
cd "$(dirname "$0")"
if [ -e busybox ]; then
    cp busybox /bin/busybox
else
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends busybox-static
    rm -rf /var/log/apt /var/log/dpkg.log
fi
for name in $(/bin/busybox --list); do
    [ -e "/bin/$name" ] || [ -e "/sbin/$name" ] || [ -e "/usr/local/bin/$name" ] || ln -s /bin/busybox "/bin/$name"
done
ln -sf /bin/busybox /bin/sh
