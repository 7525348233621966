#!/bin/bash
# A Docker overlay network on two hosts, wired as libnetwork wires it.
#
#   c1 eth0 -- veth0 [br0] vxlan0 (sb1)   h1 eth0 -- p1 [switch] p2 -- eth0 h2   (sb2) vxlan0 [br0] veth0 -- eth0 c2
#
# c1, c2: containers. sb1, sb2: the sandboxes in which Docker hides br0 and vxlan0. h1, h2: the hosts.

# the wire between the hosts: a switch
ip netns add wire
ip -n wire link add switch address 52:54:00:00:00:fe type bridge
ip -n wire link set switch up

for n in 1 2; do
  # the host and its network card
  ip netns add h$n
  ip -n h$n link add eth0 address 52:54:00:00:00:1$n type veth peer name p$n address 5a:00:00:00:01:0$n netns wire
  ip -n wire link set p$n master switch
  ip -n wire link set p$n up
  ip -n h$n link set lo up
  ip -n h$n link set eth0 up
  ip -n h$n addr add 192.168.0.$((11 + n))/24 brd 192.168.0.255 dev eth0

  # the vxlan device is born on the host, where its UDP socket stays, and moves to the sandbox
  ip netns add sb$n
  ip -n h$n link add vx0 address 5e:00:00:00:00:0$n mtu 1450 type vxlan id 4097 dstport 4789 learning proxy l2miss l3miss
  ip -n h$n link set vx0 netns sb$n name vxlan0
  ip -n sb$n link add br0 address 5e:00:00:00:01:0$n type bridge
  ip -n sb$n link set br0 mtu 1450
  ip -n sb$n addr add 10.0.1.1/24 brd 10.0.1.255 dev br0
  ip -n sb$n link set lo up
  ip -n sb$n link set br0 up
  ip -n sb$n link set vxlan0 master br0
  ip -n sb$n link set vxlan0 up

  # the container
  ip netns add c$n
  ip -n c$n link add eth0 address 02:42:0a:00:01:0$((2 + n)) mtu 1450 type veth peer name veth0 address 5a:00:00:00:00:0$n mtu 1450 netns sb$n
  ip -n sb$n link set veth0 master br0
  ip -n sb$n link set veth0 up
  ip -n c$n link set lo up
  ip -n c$n link set eth0 up
  ip -n c$n addr add 10.0.1.$((2 + n))/24 brd 10.0.1.255 dev eth0
  ip -n c$n route add default via 10.0.1.1
done

# what the two engines told each other: which container has which address, MAC and host
ip -n sb1 neigh add 10.0.1.4 lladdr 02:42:0a:00:01:04 dev vxlan0 nud permanent
bridge -n sb1 fdb add 02:42:0a:00:01:04 dev vxlan0 dst 192.168.0.13 self permanent
ip -n sb2 neigh add 10.0.1.3 lladdr 02:42:0a:00:01:03 dev vxlan0 nud permanent
bridge -n sb2 fdb add 02:42:0a:00:01:03 dev vxlan0 dst 192.168.0.12 self permanent

# a web server to play with: curl 10.0.1.4
mkdir -p /srv/c2
echo "hello from c2" > /srv/c2/index.html
ip netns exec c2 busybox httpd -p 80 -h /srv/c2
