package child

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// mountHosts tries what root may do, then what everybody may do on most systems.
func (l *Launcher) mountHosts(file string) error {
	if l.run(func() error { return unshareHosts(file) }) == nil {
		return nil
	}
	if os.Geteuid() == 0 {
		return ErrNoNames // a user namespace would be refused for the same reason
	}
	probe := &exec.Cmd{Path: "/bin/true", Args: []string{"true"}, SysProcAttr: ownGroup()}
	inUserNamespace(probe, file)
	if l.run(probe.Run) != nil {
		return ErrNoNames
	}
	l.wrap = func(cmd *exec.Cmd) { inUserNamespace(cmd, file) }
	return nil
}

// unshareHosts takes the launcher's thread, and with it all children to come, out
// of the mount namespace of the process.
func unshareHosts(file string) error {
	if err := syscall.Unshare(syscall.CLONE_FS | syscall.CLONE_NEWNS); err != nil {
		return err
	}
	return errors.Join(
		syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""), // nothing of it is seen outside
		syscall.Mount(file, hostsFile, "", syscall.MS_BIND, ""))
}

// mountThenRun mounts $0 as the user that is root in the first namespace, and
// becomes the command under the user's own number in a second.
const mountThenRun = `u=$1 g=$2; shift 2
mount --bind "$0" ` + hostsFile + ` && exec unshare --user --map-user="$u" --map-group="$g" -- "$@"`

// inUserNamespace puts cmd in a user namespace of its own. The shell and its tools
// become the command: the number of the process stays.
func inUserNamespace(cmd *exec.Cmd, file string) {
	uid, gid := os.Getuid(), os.Getgid()
	attr := *cmd.SysProcAttr
	attr.Cloneflags |= syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	cmd.SysProcAttr = &attr
	cmd.Args = append([]string{"sh", "-c", mountThenRun, file, strconv.Itoa(uid), strconv.Itoa(gid), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}
