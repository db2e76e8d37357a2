#!/bin/bash
# Builds the project's guest image: a small cloud guest made only from Debian bookworm packages. See README.md beside this file.
#
#   build.sh OUTDIR          (root is not needed: re-runs itself under fakeroot)
#
# Commands it uses come from these Debian packages:
#   cpio kmod e2fsprogs dosfstools mtools syslinux syslinux-common qemu-utils openssl; fakeroot when not root
# The guest's own content comes out of .debs that `apt-get download` fetches (unpacked, never installed):
# linux-image-*-cloud-amd64, busybox-static, dropbear-bin and its libraries, e2fsprogs and its libraries.
#
# Writes into OUTDIR:
#   disk.qcow2    one bootable BIOS disk: p1 FAT16 (syslinux, kernel, initramfs), p2 ext4 root (grown to the disk's size at boot)
#   manifest.txt  package versions, size, sha256
# OUTDIR/.cache keeps the .debs; GUEST_REFRESH=1 fetches them again.
set -euo pipefail
export LC_ALL=C SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
export PATH=$PATH:/usr/sbin:/sbin

OUT=${1:?usage: build.sh OUTDIR}
mkdir -p "$OUT"; OUT=$(cd "$OUT" && pwd)
if [ "$(id -u)" != 0 ] && [ -z "${FAKEROOTKEY:-}" ]; then
  command -v fakeroot >/dev/null || { echo "build.sh: neither root nor fakeroot (Debian package fakeroot)" >&2; exit 1; }
  exec fakeroot -- "$0" "$OUT"
fi
for c in cpio depmod mke2fs mkfs.vfat mcopy syslinux qemu-img openssl dpkg-deb apt-get; do
  command -v $c >/dev/null || { echo "missing command: $c (see the package list in $0)" >&2; exit 1; }
done
MBR=/usr/lib/syslinux/mbr/mbr.bin
[ -r $MBR ] || { echo "missing $MBR (package syslinux-common)" >&2; exit 1; }

CACHE=$OUT/.cache; W=$OUT/.work
rm -rf "$W"; mkdir -p "$CACHE" "$W"/{x,root,mini}

# ---------------------------------------------------------------- 1. packages
KPKG=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/{print $2; exit}')
PKGS="$KPKG busybox-static dropbear-bin libtomcrypt1 libtommath1 libgmp10 zlib1g libcrypt1 libc6
      e2fsprogs libext2fs2 libcom-err2 libblkid1 libuuid1"
[ -n "${GUEST_REFRESH:-}" ] && rm -f "$CACHE"/*.deb
need=""
for p in $PKGS; do ls "$CACHE/${p}"_*.deb >/dev/null 2>&1 || need="$need $p"; done
[ -z "$need" ] || (cd "$CACHE" && apt-get -qq download $need 2>&1 | grep -v 'unsandboxed' || true)
for p in $PKGS; do dpkg-deb -x "$(ls "$CACHE/${p}"_*.deb | tail -1)" "$W/x"; done

X=$W/x; R=$W/root
KVER=$(basename "$X"/lib/modules/*)

# ---------------------------------------------------------------- 2. userland
mkdir -p "$R"/{bin,sbin,etc,proc,sys,dev,run,tmp,root/.ssh,home/cirros/.ssh,mnt,var/log,var/lib/cloud,usr/bin,usr/sbin,lib,lib64,etc/dropbear}
cp "$X/bin/busybox" "$R/bin/busybox"
for a in $("$X/bin/busybox" --list); do
  case $a in busybox|sh) continue;; mke2fs|dpkg|dpkg-deb|rpm|rpm2cpio|linuxrc) continue;; esac
  ln -s /bin/busybox "$R/bin/$a"
done
ln -s busybox "$R/bin/sh"; ln -s /bin/busybox "$R/sbin/init"
# setuid, so that su, ping and passwd work for the unprivileged user (busybox drops
# the privilege itself for every applet that does not need it)
chmod 4755 "$R/bin/busybox"
cp "$X/usr/sbin/dropbear" "$R/usr/sbin/"
cp "$X/usr/bin/dropbearkey" "$X/usr/bin/dbclient" "$R/usr/bin/"
ln -s dbclient "$R/usr/bin/ssh"
for f in resize2fs mke2fs; do cp -L "$(find "$X/sbin" "$X/usr/sbin" -name $f | head -1)" "$R/sbin/"; done
ln -s mke2fs "$R/sbin/mkfs.ext4"; ln -s mke2fs "$R/sbin/mkfs.ext3"; ln -s mke2fs "$R/sbin/mkfs.ext2"
cp "$X/etc/mke2fs.conf" "$R/etc/"

# shared libraries: follow NEEDED entries, looking only inside the unpacked .debs
addlibs() {
  local f=$1 l p
  for l in $(objdump_needed "$f"); do
    [ -e "$R/lib/$l" ] && continue
    p=$(find "$X/lib" "$X/usr/lib" -name "$l" 2>/dev/null | head -1)
    [ -n "$p" ] || continue   # e.g. libgcc_s, named by libc for dlopen only
    cp -L "$p" "$R/lib/$l"; addlibs "$R/lib/$l"
  done
}
# no binutils needed: sonames are plain strings in .dynstr; keep those that exist
objdump_needed() { tr -c '[:print:]' '\n' <"$1" | grep -aoE '^(lib[A-Za-z0-9_.+-]+\.so\.[0-9]+)$' | sort -u; }
for b in usr/sbin/dropbear usr/bin/dropbearkey usr/bin/dbclient sbin/resize2fs sbin/mke2fs; do addlibs "$R/$b"; done
cp -L "$(find "$X/lib" "$X/usr/lib" -name 'ld-linux-x86-64.so.2' | head -1)" "$R/lib64/"
cp -L "$(find "$X/lib" "$X/usr/lib" -name 'libnss_files.so.2' | head -1)" "$R/lib/" 2>/dev/null || true

# ---------------------------------------------------------------- 3. kernel modules
MODS="virtio_pci virtio_mmio virtio_blk virtio_net virtio_scsi virtio-rng virtio_balloon virtio_console
      button evdev sr_mod sd_mod ata_piix isofs vfat nls_cp437 nls_ascii nls_utf8 nls_iso8859-1
      8021q loop xfs"
depmod -b "$X" "$KVER"
resolve() { # print the module files of $1 and of all it depends on, in load order
  modprobe -d "$X" -S "$KVER" --show-depends "$1" 2>/dev/null | awk '$1=="insmod"{print $2}'
}
MDIR=lib/modules/$KVER; mkdir -p "$R/$MDIR"
for m in $MODS; do
  resolve $m | while read -r f; do
    d=$R/$MDIR/${f#*/lib/modules/$KVER/}; mkdir -p "$(dirname "$d")"; [ -e "$d" ] || cp "$f" "$d"
  done
done
cp "$X/$MDIR"/modules.{order,builtin,builtin.modinfo} "$R/$MDIR/" 2>/dev/null || true
depmod -b "$R" "$KVER"; rm -f "$R/$MDIR"/*.bin "$R/$MDIR"/modules.builtin.modinfo
# the early list, in load order, for a plain insmod loop (faster than modprobe)
EARLY="virtio_pci virtio_mmio virtio_blk"
for m in $EARLY; do resolve $m; done | awk '!s[$0]++' | sed "s|.*/lib/modules/|/lib/modules/|" >"$R/etc/modules.early"
LATE="virtio_net virtio-rng button evdev"
for m in $LATE; do resolve $m; done | awk '!s[$0]++' | sed "s|.*/lib/modules/|/lib/modules/|" \
  | grep -vxFf "$R/etc/modules.early" >"$R/etc/modules.late"

# ---------------------------------------------------------------- 4. configuration
PW=$(openssl passwd -6 -salt altoguest gocubsgo)
cat >"$R/etc/passwd" <<E
root:x:0:0:root:/root:/bin/sh
cirros:x:1000:1000:cloud user:/home/cirros:/bin/sh
E
printf 'root:x:0:\ncirros:x:1000:\n' >"$R/etc/group"
# root: empty password, reachable only through su/sudo and the console, not over ssh
printf 'root::19000:0:99999:7:::\ncirros:%s:19000:0:99999:7:::\n' "$PW" >"$R/etc/shadow"; chmod 600 "$R/etc/shadow"
printf '/bin/sh\n' >"$R/etc/shells"
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' >"$R/etc/nsswitch.conf"
printf 'altoguest\n' >"$R/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$R/etc/hosts"
printf 'ID=altoguest\nNAME="altoguest"\nVERSION_ID=1\nPRETTY_NAME="altoguest (Debian bookworm parts)"\n' >"$R/etc/os-release"
printf "login as 'cirros' user. default password: 'gocubsgo'. use 'sudo' for root.\n" >"$R/etc/issue"
printf 'export PATH=/bin:/sbin:/usr/bin:/usr/sbin\n' >"$R/etc/profile"
: >"$R/etc/resolv.conf"
cat >"$R/etc/inittab" <<'E'
::sysinit:/etc/rc.sysinit
::once:/etc/rc.userdata
ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100
tty1::respawn:/sbin/getty 38400 tty1
::ctrlaltdel:/bin/reboot
::shutdown:/etc/rc.shutdown
E
ln -s /bin/busybox "$R/sbin/getty"
mkdir -p "$R/etc/acpi/PWRF"
printf '#!/bin/sh\necho "=== power button" >/dev/console\nexec /bin/poweroff\n' >"$R/etc/acpi/PWRF/00000080"
chmod +x "$R/etc/acpi/PWRF/00000080"

cat >"$R/bin/sudo" <<'E'
#!/bin/sh
# sudo [-n] [-E] [-i|CMD ARGS]: everything as root through the setuid su (root has no password)
while [ $# -gt 0 ]; do case $1 in -n|-E|-H|-S) shift;; -u) shift 2;; -i|-s) shift; [ $# = 0 ] && exec su -;; --) shift; break;; -*) shift;; *) break;; esac; done
[ "$(id -u)" = 0 ] && exec "$@"
c=""; for a in "$@"; do c="$c '$(printf %s "$a" | sed "s/'/'\\\\''/g")'"; done
exec su root -s /bin/sh -c "PATH=/bin:/sbin:/usr/bin:/usr/sbin; exec$c"
E
cat >"$R/bin/lsblk" <<'E'
#!/bin/sh
# enough of lsblk (-l -b -d/--nodeps are accepted and implied) for tests
echo "NAME MAJ:MIN RM SIZE RO TYPE MOUNTPOINTS"
for d in /sys/block/*; do
  n=${d##*/}; case $n in loop*|ram*) continue;; esac
  p() { echo "$1 $(cat $2/dev) $(cat $d/removable) $(($(cat $2/size)*512)) $(cat $d/ro) $3 $(awk -v x=/dev/$1 '$1==x{print $2;exit}' /proc/mounts)"; }
  t=disk; case $n in sr*) t=rom;; esac; p $n $d $t
  case " $* " in *nodeps*|*" -d "*|*-lbd*|*-dlb*) ;; *) for q in $d/$n*; do [ -e $q/partition ] && p ${q##*/} $q part; done;; esac
done
E
cat >"$R/etc/udhcpc.script" <<'E'
#!/bin/sh
# udhcpc events: address, MTU, routes (option 121 wins over option 3), DNS
case $1 in
deconfig) ip link set "$interface" up; ip -4 addr flush dev "$interface" ;;
bound|renew)
  [ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
  [ "$1" = bound ] && ip -4 addr flush dev "$interface"
  ip addr replace "$ip/${mask:-24}" ${broadcast:+brd $broadcast} dev "$interface" 2>/dev/null
  if [ -n "$staticroutes" ]; then
    set -- $staticroutes
    while [ $# -ge 2 ]; do
      if [ "$2" = 0.0.0.0 ]; then ip route replace "$1" dev "$interface"
      else ip route replace "$1" via "$2" dev "$interface" 2>/dev/null; fi; shift 2
    done
  else for r in $router; do ip route replace default via "$r" dev "$interface" metric ${metric:-0}; done; fi
  [ -n "$dns" ] && { [ -n "$domain" ] && echo "search $domain"; for n in $dns; do echo "nameserver $n"; done; } >/etc/resolv.conf
  [ -n "$hostname" ] && [ ! -e /run/hostname.set ] && hostname "$hostname"
  echo "=== dhcp $interface $ip/$mask router ${router:-none} mtu ${mtu:-default} from ${serverid:-?} at $(cut -d' ' -f1 /proc/uptime)" >/dev/console ;;
esac
exit 0
E
cat >"$R/etc/hotplug.sh" <<'E'
#!/bin/sh
# run by busybox uevent for every kernel uevent: report disks, DHCP on new NICs
case "$ACTION/$SUBSYSTEM" in
add/block|remove/block|change/block) echo "=== hotplug $ACTION block $DEVNAME $(cat /sys/class/block/${DEVNAME##*/}/size 2>/dev/null) sectors" >/dev/console ;;
add/net) [ "$INTERFACE" = lo ] && exit 0
  echo "=== hotplug add net $INTERFACE" >/dev/console
  ip link set "$INTERFACE" up; metric=100 udhcpc -b -S -t 6 -T 1 -A 5 -i "$INTERFACE" -p /run/udhcpc.$INTERFACE.pid -s /etc/udhcpc.script >/dev/null 2>&1 & ;;
remove/net) echo "=== hotplug remove net $INTERFACE" >/dev/console
  [ -e /run/udhcpc.$INTERFACE.pid ] && kill $(cat /run/udhcpc.$INTERFACE.pid) ;;
esac
E
cat >"$R/etc/rc.sysinit" <<'E'
#!/bin/sh
# from "kernel is up" to "ssh is up"; user-data runs afterwards, in rc.userdata
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
up() { cut -d' ' -f1 /proc/uptime; }
say() { echo "=== $* at $(up)" >/dev/console; }
[ -e /proc/uptime ] || mount -t proc proc /proc
[ -d /sys/block ] || mount -t sysfs sys /sys
[ -c /dev/null ] || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /run; mount -t devpts devpts /dev/pts; mount -t tmpfs run /run; mount -t tmpfs shm /dev/shm
say sysinit
# root on a disk: read-write, and as large as its device
if grep -q ' / ext4 ' /proc/mounts; then
  mount -o remount,rw / && resize2fs "$(awk '$2=="/"&&$3=="ext4"{print $1;exit}' /proc/mounts)" >/run/resize2fs.log 2>&1
  say "root on disk $(df -m / | awk 'NR==2{print $2"MB"}')"
fi
while read -r m; do insmod "$m" 2>/dev/null; done </etc/modules.late
uevent /etc/hotplug.sh >/dev/null 2>&1 </dev/null &
acpid -c /etc/acpi -p /run/acpid.pid >/dev/null 2>&1
ip link set lo up
hostname "$(cat /etc/hostname)"
# ---- network: DHCP on every NIC, all at once; wait for the first to bind
nics=""; for d in /sys/class/net/*; do i=${d##*/}; [ -e $d/device ] && nics="$nics $i"; done
m=0
for i in $nics; do
  ip link set $i up
  metric=$m udhcpc -b -S -t 10 -T 1 -A 5 -i $i -p /run/udhcpc.$i.pid -s /etc/udhcpc.script >/dev/null 2>&1 &
  m=$((m+50))
done
# ---- config drive: an ISO 9660 or FAT volume labelled config-2 (openstack) or cidata (NoCloud is not read)
cd=""; MD=/var/lib/cloud/data; rm -rf $MD; mkdir -p $MD
# legacy IDE CD-ROM needs its driver first; other machines skip this
grep -q 0x010180 /sys/bus/pci/devices/*/class 2>/dev/null && modprobe ata_piix 2>/dev/null && modprobe sr_mod 2>/dev/null
grep -qs '^0x1af4' /sys/bus/pci/devices/*/vendor && grep -qs -e 0x1004 -e 0x1048 /sys/bus/pci/devices/*/device && { modprobe virtio_scsi; modprobe sd_mod; modprobe sr_mod; } 2>/dev/null
for b in /sys/class/block/*; do
  d=/dev/${b##*/}; case $d in /dev/loop*|/dev/ram*) continue;; esac; [ "$(cat $b/size 2>/dev/null || echo 0)" -gt 0 ] || continue
  l=$(dd if=$d bs=8 skip=4101 count=1 2>/dev/null); t=iso9660
  case $l in config-2|CONFIG-2) ;; *) t=vfat; l=$(dd if=$d bs=1 skip=43 count=8 2>/dev/null); case $l in config-2|CONFIG-2) ;; *) continue;; esac;; esac
  [ $t = vfat ] && for m in vfat nls_cp437 nls_ascii nls_utf8; do modprobe $m; done 2>/dev/null || modprobe isofs 2>/dev/null
  mkdir -p /mnt/config && mount -t $t -o ro $d /mnt/config && cd=/mnt/config && say "config drive $d ($t)"; break
done
if [ -n "$cd" ]; then
  cp $cd/openstack/latest/* $MD/ 2>/dev/null; [ -e $cd/ec2/latest/meta-data.json ] && cp $cd/ec2/latest/meta-data.json $MD/ec2.json
  umount $cd; src=configdrive
elif [ -n "$nics" ]; then
  n=0; while [ $n -lt 80 ] && ! ip -4 addr | grep -q 'scope global'; do usleep 100000; n=$((n+1)); done
  if ip -4 addr | grep -q 'scope global'; then
    # `timeout 5 wget`, not `wget -T 5`: -T crashes in Debian's busybox 1.35.0-4+deb12u1
    U=http://169.254.169.254; E=$U/2009-04-04/meta-data; n=0
    get() { timeout 5 wget -q -O $MD/$1 $2 2>/run/wget.err && return; rm -f $MD/$1; return 1; }
    while [ $n -lt 8 ]; do
      get meta_data.json $U/openstack/latest/meta_data.json && break
      grep -q 404 /run/wget.err && break
      # no route and no answer to come: give a late router three seconds, not eight
      n=$((n+1)); grep -q unreachable /run/wget.err && n=$((n+2)); say "metadata try $n: $(tail -1 /run/wget.err)"; sleep 1
    done
    [ -s $MD/meta_data.json ] && { src=openstack; get user_data $U/openstack/latest/user_data; }
    # EC2-style tree: identity always, the rest only where there is no OpenStack tree
    if get ec2-instance-id $E/instance-id; then
      get ec2-local-ipv4 $E/local-ipv4
      if [ -z "$src" ]; then
        src=ec2; get ec2-local-hostname $E/local-hostname || get ec2-hostname $E/hostname
        get ec2-keys $E/public-keys/0/openssh-key; get user_data $U/2009-04-04/user-data
      fi
      say "ec2 metadata instance-id $(cat $MD/ec2-instance-id) local-ipv4 $(cat $MD/ec2-local-ipv4 2>/dev/null)"
    fi
  fi
fi
J=$MD/meta_data.json
if [ -s $J ]; then
  h=$(tr -d '\n' <$J | sed -n 's/.*"hostname": *"\([^"]*\)".*/\1/p')
  id=$(tr -d '\n' <$J | sed -n 's/.*"uuid": *"\([^"]*\)".*/\1/p')
  grep -oE '"(ssh|ecdsa|sk)-[^"]*"' $J | tr -d '"' | sed 's/\\n.*//' | sort -u >/run/keys
fi
[ -n "$h" ] || h=$(cat $MD/ec2-local-hostname $MD/ec2-hostname 2>/dev/null | head -1)
[ -s $MD/ec2-keys ] && cat $MD/ec2-keys >>/run/keys
# a disk that was another instance's (a snapshot's copy): what made that one itself goes
i=${id:-$(cat $MD/ec2-instance-id 2>/dev/null)}
if [ -n "$i" ] && [ "$i" != "$(cat /var/lib/cloud/instance 2>/dev/null)" ]; then
  rm -f /etc/dropbear/dropbear_*_host_key /root/.ssh/authorized_keys /home/cirros/.ssh/authorized_keys; echo "$i" >/var/lib/cloud/instance
fi
if [ -n "$h" ]; then h=${h%%.*}; hostname "$h"; echo "$h" >/etc/hostname; printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$h" >/etc/hosts; : >/run/hostname.set; fi
if [ -s /run/keys ]; then for d in /root /home/cirros; do mkdir -p $d/.ssh; sort -u /run/keys >$d/.ssh/authorized_keys; chmod 700 $d/.ssh; chmod 600 $d/.ssh/authorized_keys; done; fi
chown -R 1000:1000 /home/cirros; chmod 700 /root
say "metadata source=${src:-none} uuid=${id:-} hostname=$(hostname) keys=$(cat /root/.ssh/authorized_keys 2>/dev/null | wc -l) userdata=$([ -s $MD/user_data ] && wc -c <$MD/user_data || echo 0)B"
# ---- ssh: host key once per disk; -R makes the other kinds on demand
[ -e /etc/dropbear/dropbear_ed25519_host_key ] || dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key >/run/hostkey.txt 2>&1
{ echo "-----BEGIN SSH HOST KEY FINGERPRINTS-----"; dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key 2>/dev/null | grep Fingerprint; echo "-----END SSH HOST KEY FINGERPRINTS-----"; } >/dev/console
sync
dropbear -R -P /run/dropbear.pid
say "ssh up"
E
cat >"$R/etc/rc.userdata" <<'E'
#!/bin/sh
# user-data that starts with #! is run once per instance, output to the console
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
U=/var/lib/cloud/data/user_data; [ -s $U ] || exit 0
id=$(md5sum <$U | cut -c1-8)$(tr -d '\n' </var/lib/cloud/data/meta_data.json 2>/dev/null | sed -n 's/.*"uuid": *"\([^"]*\)".*/\1/p')
[ -e /var/lib/cloud/done.$id ] && exit 0; : >/var/lib/cloud/done.$id
[ "$(head -c2 $U | xxd -p)" = 1f8b ] && { mv $U $U.gz; gunzip $U.gz; }
[ "$(head -c2 $U)" = '#!' ] || { echo "=== user-data is not a script: $(head -1 $U)" >/dev/console; exit 0; }
chmod 755 $U; cd /; $U >/run/userdata.log 2>&1; rc=$?
sync; sed 's/^/userdata: /' /run/userdata.log >/dev/console
echo "=== user-data done rc=$rc at $(cut -d' ' -f1 /proc/uptime)" >/dev/console
E
printf '#!/bin/sh\necho "=== shutting down" >/dev/console\nsync; umount -a -r 2>/dev/null\n' >"$R/etc/rc.shutdown"

# initramfs entry: find (and grow) the disk that root= names and switch to it.
cat >"$R/init" <<'E'
#!/bin/sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
exec </dev/console >/dev/console 2>&1
while read -r m; do insmod "$m"; done </etc/modules.early
root=""; for a in $(cat /proc/cmdline); do case $a in root=*) root=${a#root=};; esac; done
fail() { echo "=== initramfs: $*"; exec sh; }
lbl() { dd if=$1 bs=1144 skip=1 count=1 2>/dev/null | head -c 16 | tr -d '\000'; }   # ext4 label at 1024+120
[ -n "$root" ] || fail "no root= on the command line"
dev=""; n=0
while [ $n -lt 100 ]; do
  case $root in
  LABEL=*) for b in /sys/class/block/*; do d=/dev/${b##*/}; case $d in /dev/loop*|/dev/ram*) continue;; esac
             [ "$(lbl $d)" = "${root#LABEL=}" ] && { dev=$d; break; }; done ;;
  *) [ -b "$root" ] && dev=$root ;;
  esac
  [ -n "$dev" ] && break; usleep 50000; n=$((n+1))
  # not virtio-blk: try the other controllers this kernel has
  [ $n = 2 ] && { modprobe ata_piix; modprobe virtio_scsi; modprobe sd_mod; } 2>/dev/null
done
[ -n "$dev" ] || fail "root device $root not found"
# grow: rewrite the size field of MBR entry 2 and have the kernel read the table again
s=/sys/class/block/${dev##*/}
if [ -e $s/partition ] && [ "$(cat $s/partition)" = 2 ]; then
  disk=$(basename $(readlink -f $s/..)); end=$(cat /sys/block/$disk/size); st=$(cat $s/start); sz=$(cat $s/size)
  new=$(( (end - st) / 2048 * 2048 ))
  if [ $new -gt $sz ]; then
    printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((new&255)) $((new>>8&255)) $((new>>16&255)) $((new>>24&255)))" \
      | dd of=/dev/$disk bs=1 seek=474 conv=notrunc 2>/dev/null
    blockdev --rereadpt /dev/$disk && echo "=== grew $dev from $sz to $new sectors"
  fi
fi
mkdir -p /newroot; mount -t ext4 -o rw,noatime $dev /newroot || fail "cannot mount $dev"
mount --move /dev /newroot/dev; mount --move /proc /newroot/proc; mount --move /sys /newroot/sys
exec switch_root /newroot /sbin/init
E
chmod 755 "$R/init" "$R"/etc/rc.* "$R"/etc/*.sh "$R/etc/udhcpc.script" "$R/bin/sudo" "$R/bin/lsblk"

# ---------------------------------------------------------------- 5. initramfs images
# lz4 and zstd need extra tools for no measured gain; gzip is what every tool reads
pack() { find "$1" -exec touch -h -d @$SOURCE_DATE_EPOCH {} +
  (cd "$1" && find . -print0 | sort -z | cpio --null -o -H newc -R 0:0 --reproducible --quiet) | gzip -9n >"$2"; }
M=$W/mini; mkdir -p "$M"/{bin,sbin,etc,dev,proc,sys,newroot}
cp -a "$R/bin/busybox" "$M/bin/"
for a in sh mount insmod modprobe cat dd head tr sed awk usleep blockdev readlink basename printf mkdir switch_root ln echo; do ln -sf /bin/busybox "$M/bin/$a"; done
cp "$R/init" "$M/init"; cp "$R/etc/modules.early" "$M/etc/"
mini_mods=$(for m in $EARLY ata_piix virtio_scsi sd_mod; do resolve $m; done | awk '!s[$0]++')
for f in $mini_mods; do d=$M/$MDIR/${f#*/lib/modules/$KVER/}; mkdir -p "$(dirname "$d")"; cp "$f" "$d"; done
cp "$X/$MDIR"/modules.{order,builtin,builtin.modinfo} "$M/$MDIR/"; depmod -b "$M" "$KVER"; rm -f "$M/$MDIR"/*.bin
pack "$M" "$W/mini.img"

# ---------------------------------------------------------------- 6. root file system
ROOT_MB=32
mke2fs -q -t ext4 -L altoroot -m 0 -b 4096 -O ^metadata_csum,resize_inode -J size=4 -E resize=16777216,root_owner=0:0 \
       -U clear -d "$R" "$W/rootfs.img" ${ROOT_MB}M

# ---------------------------------------------------------------- 7. bootable disk
# sector 0 MBR; p1 FAT16 at 1 MiB; p2 ext4 after it.  No loop device, no mount.
FAT_MB=18; P1=2048; P1N=$((FAT_MB*2048)); P2=$((P1+P1N)); P2N=$((ROOT_MB*2048))
D=$W/disk.raw; rm -f "$D"; truncate -s $(( (P2+P2N)*512 )) "$D"
F=$W/fat.img; truncate -s ${FAT_MB}M "$F"
mkfs.vfat -F 16 -n ALTOBOOT -i 616c746f --mbr=n "$F" >/dev/null 2>&1 || mkfs.vfat -F 16 -n ALTOBOOT -i 616c746f "$F" >/dev/null
# quiet keeps the kernel's own lines off the (slow) serial line
# the rest: skip self-tests and probing that cost seconds under TCG (see README.md)
FAST='nokaslr mitigations=off random.trust_cpu=on no_timer_check tsc=reliable cryptomgr.notests audit=0 lsm= initcall_blacklist=crypto_kdf108_init,init_kprobe_trace,load_system_certificate_list'
CMD="root=LABEL=altoroot console=tty1 console=ttyS0 quiet $FAST"
printf 'DEFAULT linux\nPROMPT 0\nTIMEOUT 0\nLABEL linux\n  KERNEL /vmlinuz\n  INITRD /initrd.img\n  APPEND %s\n' "$CMD" >"$W/syslinux.cfg"
export MTOOLS_SKIP_CHECK=1
mcopy -i "$F" "$X/boot/vmlinuz-$KVER" ::/vmlinuz; mcopy -i "$F" "$W/mini.img" ::/initrd.img; mcopy -i "$F" "$W/syslinux.cfg" ::/syslinux.cfg
syslinux --install "$F"
dd if="$F" of="$D" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$W/rootfs.img" of="$D" bs=1M seek=$((P2/2048)) conv=notrunc,sparse status=none
dd if=$MBR of="$D" bs=440 count=1 conv=notrunc status=none
le32() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1&255)) $(($1>>8&255)) $(($1>>16&255)) $(($1>>24&255)); }
ent() { printf '%s' "\\x$1\\xfe\\xff\\xff\\x$2\\xfe\\xff\\xff$(le32 $3)$(le32 $4)"; }   # flag, type, first sector, sectors
printf "$(ent 80 06 $P1 $P1N)$(ent 00 83 $P2 $P2N)" | dd of="$D" bs=1 seek=446 conv=notrunc status=none
printf '\x55\xaa' | dd of="$D" bs=1 seek=510 conv=notrunc status=none
qemu-img convert -q -c -f raw -O qcow2 -o compat=1.1 "$D" "$OUT/disk.qcow2.tmp" && mv "$OUT/disk.qcow2.tmp" "$OUT/disk.qcow2"

{ echo "kernel $KVER"; ls "$CACHE" | sed 's/^/deb /'; (cd "$OUT" && echo "disk.qcow2 $(stat -c %s disk.qcow2) $(sha256sum disk.qcow2 | cut -d' ' -f1)"); } >"$OUT/manifest.txt"
rm -rf "$W"
grep -v '^deb' "$OUT/manifest.txt"
