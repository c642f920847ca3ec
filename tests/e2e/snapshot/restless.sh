# Never stands still: counts in the data volume, in the container's layer and in the data volume again, moves a directory
# to and fro, and makes a file of a directory.
cd /vps-docker
mkdir dir-a
for number in 1 2 3 4 5 6 7 8 9; do echo "$number" >"dir-a/$number"; done
here=dir-a there=dir-b
count=0
while :; do
    count=$((count + 1))
    echo "$count" >first.new
    mv first.new first
    echo "$count" >/root/middle.new
    mv /root/middle.new /root/middle
    echo "$count" >last.new
    mv last.new last
    mv "$here" "$there"
    moved=$here here=$there there=$moved
    rm -rf thing
    if [ $((count % 2)) = 0 ]; then echo >thing; else mkdir -p thing/in/it; fi
done
