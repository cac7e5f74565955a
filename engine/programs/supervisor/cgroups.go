// The cgroup of a machine, in every hierarchy of version 1 and in version 2. It outlives the machine: `plumbline stop`
// removes it.
package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// joinCgroup removes what an earlier life of the machine has left, makes the group and moves this process, and so all that it starts, into its leaf `machine`: version 2
// wants processes in leaves, and the kubelet makes the pods' groups beside that leaf.
func joinCgroup(group string) error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		removeChildren(filepath.Join(mount.path, group))
		current := mount.path
		for _, part := range strings.Split(strings.Trim(group, "/")+"/machine", "/") {
			parent := current
			current = filepath.Join(current, part)
			if err := os.Mkdir(current, 0o755); err != nil && !os.IsExist(err) {
				return fmt.Errorf("making the cgroup %s: %w; cgroups must be writable (in a container: a privileged one)", current, err)
			}
			if mount.version2 {
				if err := delegate(parent); err != nil {
					return err
				}
				continue
			}
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} { // a new group has none and takes no process
				if value, err := os.ReadFile(filepath.Join(parent, file)); err == nil {
					if err := os.WriteFile(filepath.Join(current, file), value, 0o644); err != nil {
						return fmt.Errorf("setting %s of %s: %w", file, current, err)
					}
				}
			}
		}
		if err := os.WriteFile(filepath.Join(current, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("joining the cgroup %s: %w", current, err)
		}
	}
	return nil
}

// removeChildren removes empty groups below a group: those of pods that died with their machine. The kubelet would take
// them for running containers and ask for each in vain, for seconds.
func removeChildren(group string) {
	entries, _ := os.ReadDir(group) // none at the first start
	for _, entry := range entries {
		if entry.IsDir() {
			child := filepath.Join(group, entry.Name())
			removeChildren(child)
			_ = os.Remove(child) // one that still has a process stays
		}
	}
}

// delegate hands every controller of a version 2 group on to its children.
func delegate(group string) error {
	controllers, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(controllers)) {
		err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
		if err != nil {
			return fmt.Errorf("handing the controller %s of the cgroup %s to its children: %w", controller, group, err)
		}
	}
	return nil
}

type cgroupMount struct {
	path     string
	version2 bool
}

func cgroupMounts() ([]cgroupMount, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []cgroupMount
	for lines := bufio.NewScanner(file); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)[0]
		if strings.HasPrefix(kind, "cgroup") {
			found = append(found, cgroupMount{path: fields[4], version2: kind == "cgroup2"})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no cgroup hierarchy is mounted below /sys/fs/cgroup: pods need one")
	}
	return found, nil
}
