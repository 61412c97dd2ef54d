"""Run commands in a Python that lacks what Windows lacks, and whose output holds the letters of Western Europe alone.

    python tests/as_windows.py < commands.json        [["run", "a.yaml"], ...] -> [[exit code, stdout, stderr], ...]

Opening a file without naming its encoding is an error.
"""

import importlib
import io
import json
import os
import sys
import traceback
import warnings

# From the standard library's documentation, "Availability: Unix"; os.uname stays, since sysconfig needs it here.
NAMES = {
    "mmap": ("MADV_DONTNEED", "MAP_ANON", "MAP_ANONYMOUS", "MAP_POPULATE", "MAP_PRIVATE", "MAP_SHARED", "PROT_READ"),
    "os": (
        *("O_CLOEXEC", "O_NONBLOCK", "SCHED_BATCH", "SCHED_OTHER", "WEXITSTATUS", "WIFEXITED", "WNOHANG"),
        *("chown", "chroot", "confstr", "ctermid", "eventfd", "fchdir", "fchmod", "fchown", "fork", "forkpty"),
        *("getegid", "geteuid", "getgid", "getgroups", "getloadavg", "getpgid", "getpgrp", "getpriority", "getsid"),
        *("getuid", "initgroups", "killpg", "lchown", "lockf", "mkfifo", "mknod", "memfd_create", "nice", "openpty"),
        *("pathconf", "pidfd_open", "pipe2", "posix_fadvise", "posix_fallocate", "posix_spawn", "posix_spawnp"),
        *("pread", "pwrite", "readv", "register_at_fork", "sched_getaffinity", "sched_param", "sched_setaffinity"),
        *("sched_setscheduler", "sched_yield", "sendfile", "setpgid", "setpriority", "setsid", "setuid", "statvfs"),
        *("sync", "sysconf", "tcgetpgrp", "ttyname", "wait", "wait3", "wait4", "waitid", "writev"),
    ),
    "signal": (
        *("ITIMER_REAL", "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGPROF", "SIGQUIT"),
        *("SIGSTOP", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIG_BLOCK", "SIG_SETMASK", "SIG_UNBLOCK"),
        *("alarm", "getitimer", "pause", "pthread_kill", "pthread_sigmask", "setitimer", "siginterrupt", "sigpending"),
        *("sigtimedwait", "sigwait", "sigwaitinfo"),
    ),
    "socket": ("AF_UNIX", "CMSG_LEN", "SCM_RIGHTS"),
    "time": ("clock_settime", "pthread_getcpuclockid", "tzset"),
}
MODULES = (
    *("_posixshmem", "curses", "fcntl", "grp", "multiprocessing.forkserver", "multiprocessing.popen_fork"),
    *("multiprocessing.popen_spawn_posix", "multiprocessing.resource_tracker", "posix", "pty", "pwd", "readline"),
    *("resource", "syslog", "termios", "tty"),
)
# Ask at their import for what is hidden, since they know by sys.platform that this is no Windows.
BEFORE = (
    "asyncio",
    "importlib.metadata",
    "logging",
    "multiprocessing",
    "random",
    "subprocess",
    "tempfile",
    "threading",
)


def hide():
    for module in BEFORE:
        importlib.import_module(module)
    for module, names in NAMES.items():
        held = importlib.import_module(module)
        for name in names:
            if hasattr(held, name):
                delattr(held, name)
    sys.modules.update(dict.fromkeys(MODULES))


def call(arguments):
    """Run one command; return its exit code and what it printed."""
    from parsim import cli

    streams = [io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors=how) for how in ("strict", "backslashreplace")]
    sys.argv, (sys.stdout, sys.stderr) = ["parsim", *arguments], streams
    try:
        cli.main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        code = traceback.format_exc()
    for stream in streams:
        stream.flush()
    return code, *(stream.buffer.getvalue().decode("cp1252") for stream in streams)


if __name__ == "__main__":
    commands = json.load(sys.stdin)
    plain = sys.stdout
    hide()
    warnings.filterwarnings("ignore", category=EncodingWarning)  # of libraries
    warnings.filterwarnings("error", category=EncodingWarning, module=r"parsim\.")
    answers = [call(arguments) for arguments in commands]
    sys.stdout = plain
    json.dump(answers, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # what is called at the end of Python may miss what is hidden
