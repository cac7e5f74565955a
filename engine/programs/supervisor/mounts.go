// The file system of a machine: the host's, read-only, with folders of its own where it may write.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// setUpMounts leaves the machine with a /proc and /sys of its own namespaces, empty /run, /tmp and /dev/shm, the mounts
// of the spec, and everything else read-only: so nothing that runs inside can leave a file on the host elsewhere.
func setUpMounts(mounts []Mount) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	// Sources are held before anything is mounted, since they may lie under what is about to be hidden.
	cgroups, err := hold("/sys/fs/cgroup")
	if err != nil {
		return err
	}
	held := make([]int, len(mounts))
	for i, mount := range mounts {
		if _, err := os.Stat(mount.Source); os.IsNotExist(err) {
			if err := os.MkdirAll(mount.Source, 0o755); err != nil {
				return fmt.Errorf("mount of %s: %w", mount.Target, err)
			}
		}
		if held[i], err = hold(mount.Source); err != nil {
			return err
		}
		if mount.ReadOnly {
			if err := readOnly(held[i], ""); err != nil {
				return err
			}
		}
	}
	if err := readOnly(unix.AT_FDCWD, "/"); err != nil {
		return err
	}
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	for _, fresh := range []struct {
		kind, target string
		flags        uintptr
		data         string
	}{
		{"proc", "/proc", safe, ""},
		{"sysfs", "/sys", safe, ""},
		{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
		{"tmpfs", "/tmp", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
		{"tmpfs", "/dev/shm", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	} {
		// What was mounted there goes first, so that the mount table has one entry a place; often there is nothing.
		_ = unix.Unmount(fresh.target, unix.MNT_DETACH)
		if err := unix.Mount(fresh.kind, fresh.target, fresh.kind, fresh.flags, fresh.data); err != nil {
			return fmt.Errorf("mounting %s: %w", fresh.target, err)
		}
	}
	if err := attach(cgroups, "/sys/fs/cgroup"); err != nil {
		return err
	}
	for i, mount := range mounts {
		if err := makeTarget(held[i], mount.Target); err != nil {
			return fmt.Errorf("mount point %s: %w", mount.Target, err)
		}
		if err := attach(held[i], mount.Target); err != nil {
			return err
		}
	}
	// Pods' volumes must reach the kubelet's view of them and the other way round.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("making mounts shared: %w", err)
	}
	return nil
}

func hold(path string) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return 0, fmt.Errorf("holding %s to mount it elsewhere (needs Linux 5.12 or later): %w", path, err)
	}
	return fd, nil
}

func readOnly(fd int, path string) error {
	flags := uint(unix.AT_RECURSIVE)
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if err := unix.MountSetattr(fd, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("making mounts read-only (needs Linux 5.12 or later): %w", err)
	}
	return nil
}

func attach(fd int, target string) error {
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mounting at %s: %w", target, err)
	}
	return unix.Close(fd)
}

func makeTarget(source int, target string) error {
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	var stat unix.Stat_t
	if err := unix.Fstat(source, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, nil, 0o600)
}
