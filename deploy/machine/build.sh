#!/bin/bash
# build.sh ARCH DIR   (ARCH: arm64 or amd64; needs root, but neither KVM nor a loop device)
# Makes DIR/{root.ext4,vmlinuz,initrd.gz,version}: Debian 13 with systemd and the kernel of its backports, whose modules the
# tests need: gpio-sim, vivid, sch_netem, dm-flakey, dm-log-writes. Packages come from the mirror of the host's own apt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); arch=$1; mkdir -p "$2"; dir=$(cd "$2" && pwd)
export SOURCE_DATE_EPOCH=1767225600 E2FSPROGS_FAKE_TIME=1767225600 LC_ALL=C
packages=systemd,systemd-sysv,udev,dbus,kmod,e2fsprogs,iproute2,procps,netbase,init-system-helpers,libstdc++6,mosquitto,mosquitto-clients,gpiod,dmsetup,v4l-utils,gstreamer1.0-tools,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good
step() { printf '%4d s  %s\n' $SECONDS "$*" >&2; }
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT

# -- a private apt: host's mirror, target's suites and architecture
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v -- -security | head -1)
for s in trixie trixie-updates trixie-backports; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $s main"; done >"$tmp/sources.list"
apt() { local tool=$1; shift; mkdir -p "$tmp"/{lists,cache/archives}/partial "$tmp/none"; : >>"$tmp/status"
  "$tool" -qq -o Dir::Etc::sourcelist="$tmp/sources.list" -o Dir::Etc::sourceparts="$tmp/none" -o Dir::Etc::preferencesparts="$tmp/none" \
    -o Dir::State::lists="$tmp/lists" -o Dir::State::status="$tmp/status" -o Dir::Cache="$tmp/cache" \
    -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User=root "$@"; }

# -- kernel and busybox: unpacked by hand, since mkinitramfs under emulation takes more than 10 minutes
if ! ls "$dir"/debs/linux-modules-*.deb >/dev/null 2>&1; then
  apt apt-get update
  v=$(apt apt-cache show "linux-image-$arch" | sed -n 's/^Depends:.*linux-image-\([0-9][^ ]*\) .*/\1/p' | sort -V | tail -1)
  mkdir -p "$dir/debs"; (cd "$dir/debs" && apt apt-get download "linux-binary-$v" "linux-modules-$v" "linux-base-$v" busybox-static)
  step "kernel $v fetched ($(du -sm "$dir/debs" | cut -f1) MB)"
fi
v=$(basename "$dir"/debs/linux-modules-*.deb | sed 's/^linux-modules-\([^_]*\)_.*/\1/'); echo "$v" >"$dir/version"

# -- the root, configured by the real maintainer scripts
if [ ! -s "$dir/root.tar" ]; then
  run=(); [ "$arch" = "$(dpkg --print-architecture)" ] || run=("$here/binfmt-ns.sh")
  "${run[@]}" mmdebstrap --quiet --mode=root --arch="$arch" --variant=essential --skip=check/qemu \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --aptopt='Apt::Install-Recommends "0"' --include="$packages" \
    --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*' \
    trixie "$dir/root.new.tar" "$(grep -v backports "$tmp/sources.list")" 2>"$dir/mmdebstrap.log" ||
    { sed -E 's#//[^/ ]+#//MIRROR#' "$dir/mmdebstrap.log" | tail -20 >&2; exit 1; }
  rm "$dir/mmdebstrap.log"; mv "$dir/root.new.tar" "$dir/root.tar"; step "root.tar ($(du -m "$dir/root.tar" | cut -f1) MB)"
fi
r=$tmp/root; mkdir "$r"; tar -C "$r" --numeric-owner -xpf "$dir/root.tar"
unpack() { dpkg-deb --fsys-tarfile "$1" | tar -C "$2" --keep-directory-symlink -x "${@:3}"; }
for p in modules base; do unpack "$dir"/debs/linux-$p-*.deb "$r" --wildcards --exclude='*/dtb*' --exclude='*/doc/*'; done
mkdir "$tmp/k"; unpack "$dir"/debs/linux-binary-*.deb "$tmp/k"; cp "$(find "$tmp/k" -name 'vmlinuz*' -type f | head -1)" "$dir/vmlinuz"
depmod -b "$r" "$v"
cp -r "$here/guest/." "$r/"; echo machine >"$r/etc/hostname"; echo 5e5e5e5e5e5e40008000000000000001 >"$r/etc/machine-id"
echo '/dev/vda / ext4 defaults 0 1' >"$r/etc/fstab"; mkdir -p "$r/share"
systemctl --root="$r" -q enable machine-agent.service; rm -f "$r"/etc/systemd/system/*.wants/mosquitto.service "$r"/usr/lib/systemd/system/multi-user.target.wants/systemd-logind.service   # started when asked for
systemctl --root="$r" -q mask e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
  systemd-networkd.service systemd-timesyncd.service getty@tty1.service serial-getty@ttyAMA0.service serial-getty@ttyS0.service \
  modprobe@drm.service modprobe@efi_pstore.service sys-kernel-tracing.mount systemd-hwdb-update.service
systemctl --root="$r" -q set-default multi-user.target

# -- initrd: static busybox and what is needed to mount /dev/vda
i=$tmp/initrd; mkdir -p "$i"/{bin,dev,proc,sys,mnt,lib}; unpack "$dir"/debs/busybox-static*.deb "$tmp/k"
cp "$(find "$tmp/k" -path '*/bin/busybox')" "$i/bin/busybox"; ln -s busybox "$i/bin/sh"
for m in virtio_pci virtio_blk ext4; do modprobe -d "$r" -S "$v" --show-depends "$m"; done | awk '$1=="insmod" && !seen[$2]++ {print $2}' >"$tmp/mods"
while read -r m; do n=$(basename "$m" .xz); case $m in *.xz) xz -dc "$m" ;; *) cat "$m" ;; esac >"$i/lib/$n"; echo "insmod /lib/$n" ; done <"$tmp/mods" >"$tmp/insmods"
{ echo '#!/bin/sh'; echo 'export PATH=/bin; b=busybox; $b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs dev /dev'
  sed 's/^/$b /' "$tmp/insmods"
  echo 'n=0; while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do $b sleep 0.05; n=$((n+1)); done'
  echo '$b mount -t ext4 -o ro /dev/vda /mnt || exec $b sh'
  echo '$b mount --move /dev /mnt/dev; $b umount /proc; $b umount /sys; exec $b switch_root /mnt /usr/lib/systemd/systemd'
} >"$i/init"; chmod 755 "$i/init"
find "$i" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
(cd "$i" && find . | sort | cpio --quiet --reproducible -o -H newc -R 0:0 | gzip -9n) >"$dir/initrd.gz"

# -- the image
touch "$r/etc/.updated" "$r/var/.updated"
find "$r" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
touch -r "$r/usr" "$r/etc/.updated" "$r/var/.updated"   # or ldconfig, catalogue and more are made anew at every boot
rm -f "$dir/root.ext4"; size=$(( $(du -sm "$r" | cut -f1) * 13 / 10 + 512 ))
mke2fs -q -t ext4 -L root -U 5e5e5e5e-0000-4000-8000-000000000001 -E hash_seed=5e5e5e5e-0000-4000-8000-000000000002,lazy_itable_init=1 \
  -m 0 -d "$r" "$dir/root.ext4" "${size}M" >/dev/null
# mke2fs 1.47.0 takes the files' atime and ctime as they are: all get one, so that the same root.tar makes the same image
n=$(dumpe2fs -h "$dir/root.ext4" 2>/dev/null | awk -F: '/^Inode count/{c=$2} /^Free inodes/{f=$2} END{print c-f}')
seq 11 "$n" | sed "s/.*/sif <&> ctime @$SOURCE_DATE_EPOCH\nsif <&> atime @$SOURCE_DATE_EPOCH/" | debugfs -w -f - "$dir/root.ext4" >/dev/null 2>&1
step "$dir/root.ext4: $(du -sm "$r" | cut -f1) MB of files, $(du -m "$dir/root.ext4" | cut -f1) MB on disk, ${size} MB seen; initrd $(du -k "$dir/initrd.gz" | cut -f1) KB; kernel $v"
