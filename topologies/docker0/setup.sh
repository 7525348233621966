#!/bin/bash
# A Docker host as dockerd sets it up, with two containers on docker0.
#
#   c1, c2 eth0 -- veth1, veth2 [docker0] host eth0 -- eth0 router eth1 -- eth0 out
#
for n in host c1 c2 router out; do
  ip netns add $n
  ip -n $n link set lo up
done

ip -n host link add docker0 address 02:42:5c:00:00:01 type bridge
ip -n host addr add 172.17.0.1/16 brd 172.17.255.255 dev docker0
ip -n host link set docker0 up
for i in 1 2; do
  ip -n c$i link add eth0 address 02:42:ac:11:00:0$((i + 1)) type veth peer name veth$i address 5a:00:00:00:00:0$i netns host
  ip -n host link set veth$i master docker0
  ip -n host link set veth$i up
  ip -n c$i link set eth0 up
  ip -n c$i addr add 172.17.0.$((i + 1))/16 brd 172.17.255.255 dev eth0
  ip -n c$i route add default via 172.17.0.1
done

# the world outside
ip -n host link add eth0 address 52:54:00:00:00:10 type veth peer name eth0 address 52:54:00:00:00:20 netns router
ip -n router link add eth1 address 52:54:00:00:00:21 type veth peer name eth0 address 52:54:00:00:00:50 netns out
ip -n host addr add 192.168.0.12/24 brd 192.168.0.255 dev eth0
ip -n router addr add 192.168.0.1/24 brd 192.168.0.255 dev eth0
ip -n router addr add 203.0.113.1/24 brd 203.0.113.255 dev eth1
ip -n out addr add 203.0.113.50/24 brd 203.0.113.255 dev eth0
ip -n host link set eth0 up
ip -n router link set eth0 up
ip -n router link set eth1 up
ip -n out link set eth0 up
ip -n host route add default via 192.168.0.1
ip -n out route add default via 203.0.113.1
ip netns exec host sysctl -q -w net.ipv4.ip_forward=1
ip netns exec router sysctl -q -w net.ipv4.ip_forward=1

# the rules that dockerd writes for the default bridge
ipt="ip netns exec host iptables"
$ipt -P FORWARD DROP
for chain in DOCKER DOCKER-ISOLATION-STAGE-1 DOCKER-ISOLATION-STAGE-2 DOCKER-USER; do
  $ipt -N $chain
done
$ipt -A FORWARD -j DOCKER-USER
$ipt -A FORWARD -j DOCKER-ISOLATION-STAGE-1
$ipt -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
$ipt -A FORWARD -o docker0 -j DOCKER
$ipt -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
$ipt -A FORWARD -i docker0 -o docker0 -j ACCEPT
$ipt -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
$ipt -A DOCKER-ISOLATION-STAGE-1 -j RETURN
$ipt -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
$ipt -A DOCKER-ISOLATION-STAGE-2 -j RETURN
$ipt -A DOCKER-USER -j RETURN
$ipt -t nat -N DOCKER
$ipt -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
$ipt -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
$ipt -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
$ipt -t nat -A DOCKER -i docker0 -j RETURN

mkdir -p /srv/out
echo "hello from outside" > /srv/out/index.html
ip netns exec out busybox httpd -p 80 -h /srv/out
