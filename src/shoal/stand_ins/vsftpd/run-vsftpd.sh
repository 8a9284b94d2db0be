#!/bin/sh
# Makes the one virtual user that the environment names, adds the settings it gives, and runs vsftpd.
set -e

[ "$FTP_USER" != "**String**" ] || FTP_USER=admin
[ "$FTP_PASS" != "**Random**" ] || FTP_PASS=$(tr -dc A-Za-z0-9 < /dev/urandom | head -c 16)
# the way to this container that every host has
[ "$PASV_ADDRESS" != "**IPv4**" ] || PASV_ADDRESS=$(ip route show default | awk '{ print $3; exit }')

mkdir -p "/home/vsftpd/$FTP_USER"
chown -R ftp:ftp /home/vsftpd
(umask 077 && printf '%s\n%s\n' "$FTP_USER" "$FTP_PASS" > /etc/vsftpd/virtual_users.txt)
db5.3_load -T -t hash -f /etc/vsftpd/virtual_users.txt /etc/vsftpd/virtual_users.db

cat >> /etc/vsftpd/vsftpd.conf <<END
pasv_address=$PASV_ADDRESS
pasv_addr_resolve=$PASV_ADDR_RESOLVE
pasv_enable=$PASV_ENABLE
pasv_min_port=$PASV_MIN_PORT
pasv_max_port=$PASV_MAX_PORT
xferlog_std_format=$XFERLOG_STD_FORMAT
file_open_mode=$FILE_OPEN_MODE
local_umask=$LOCAL_UMASK
pasv_promiscuous=$PASV_PROMISCUOUS
port_promiscuous=$PORT_PROMISCUOUS
END

cat <<END
FTP user: $FTP_USER
FTP password: $FTP_PASS
Address for passive connections: $PASV_ADDRESS, ports $PASV_MIN_PORT to $PASV_MAX_PORT
END

case $LOG_STDOUT in
    "**Boolean**" | NO | no | 0 | "") ;;
    *) ln -sf /dev/stdout /var/log/vsftpd/vsftpd.log ;;
esac
# Not in this shell's place: the first process is given what sessions leave behind, and vsftpd dies of children that it
# does not know. What it has to complain about it says on its input.
vsftpd /etc/vsftpd/vsftpd.conf 0>&1 &
trap "kill $!" INT QUIT TERM
set +e
wait $!
status=$?
# a signal ends the waiting before it ends vsftpd
[ $status -le 128 ] || wait $!
exit $status
