# Fills the directory sys.argv[1] with what archives get wrong. Runs as root on the VPS.
import os
import socket
import struct
import sys

os.chdir(sys.argv[1])


def write(name, data=b"data"):
    with open(name, "wb") as file:
        file.write(data)


with open("sparse", "wb") as file:
    file.seek(512 << 20)
    file.write(b"in the middle")
    file.truncate(1 << 30)

for name in [b"two\nlines", b"-rf", b"not \xff utf-8", b"it's \"quoted\" $(id) `id` \\", b"x" * 255, b" "]:
    write(name, name)
deep = "/".join(["deep"] * 60)
os.makedirs(deep)
write(deep + "/file")

write("attributes")
os.setxattr("attributes", "user.note", bytes(range(256)))
write("capable")
os.setxattr("capable", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
write("shared-with-one")
access = [(1, 6, -1), (2, 4, 1234), (4, 4, -1), (16, 4, -1), (32, 0, -1)]
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in access)
os.setxattr("shared-with-one", "system.posix_acl_access", acl)
os.mkdir("inherited")
os.setxattr("inherited", "system.posix_acl_default", acl)

write("linked")
os.mkdir("links")
os.link("linked", "links/again")
os.symlink("nowhere\nat all", "dangling")
os.symlink("linked", "pointer")
os.lchown("pointer", 4321, 8765)
os.mkfifo("pipe", 0o640)
os.mknod("null", 0o20666, os.makedev(1, 3))
socket.socket(socket.AF_UNIX).bind("socket")

write("foreign")
os.chown("foreign", 1234, 70000)
os.chmod("foreign", 0o6755)
write("unreadable")
os.chmod("unreadable", 0)
os.mkdir("sticky")
os.chmod("sticky", 0o1777)
os.mkdir("empty")
write("old")
for name in ["old", "empty", "links", "pointer", "."]:
    os.utime(name, ns=(10**9, 123456789123456789), follow_symlinks=False)
