# The guest: as first process without systemd, or as a unit with it. Runs pytest and powers off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
if [ $$ = 1 ]; then
  # the initrd has left /proc, /sys, /dev and /run
  mkdir -p /dev/pts /dev/shm
  mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
  mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
  mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
  mount --make-rshared /
  ip link set lo up
fi
dmesg -n 1
ulimit -n 65536
modprobe -a loop overlay 2>/dev/null
hostname shoal-vm
[ -e /etc/hosts ] || echo "127.0.0.1 localhost" >/etc/hosts
ip link set eth0 up && ip addr replace 10.0.2.15/24 dev eth0 && ip route replace default via 10.0.2.2
cd /shoal || exit 1
echo "kernel $(uname -r), first process $(cat /proc/1/comm), own cgroup $(cat /proc/self/cgroup)"
echo "controllers: $(cat /sys/fs/cgroup/cgroup.controllers); given on: $(cat /sys/fs/cgroup/cgroup.subtree_control)"
python3 -m compileall -q -j 2 src # no test waits for it then
setsid -w sh run </dev/null # without a terminal, as CI is
echo "SHOAL-VM EXIT $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
