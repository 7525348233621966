#!/bin/bash
# Port 8080 of the host leads to port 80 of c1: netsim curl port-map out http://192.168.0.12:8080/
#
#   c1, c2 eth0 -- veth1, veth2 [docker0] host eth0 -- eth0 out
#
for n in host c1 c2 out; do
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
  bridge -n host link set dev veth$i hairpin on
  ip -n c$i link set eth0 up
  ip -n c$i addr add 172.17.0.$((i + 1))/16 brd 172.17.255.255 dev eth0
  ip -n c$i route add default via 172.17.0.1
done
ip -n host link add eth0 address 52:54:00:00:00:10 type veth peer name eth0 address 52:54:00:00:00:50 netns out
ip -n host addr add 192.168.0.12/24 brd 192.168.0.255 dev eth0
ip -n out addr add 192.168.0.50/24 brd 192.168.0.255 dev eth0
ip -n host link set eth0 up
ip -n out link set eth0 up
ip netns exec host sysctl -q -w net.ipv4.ip_forward=1
ip netns exec host sysctl -q -w net.ipv4.conf.docker0.route_localnet=1

ipt="ip netns exec host iptables"
$ipt -P FORWARD DROP
$ipt -N DOCKER
$ipt -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
$ipt -A FORWARD -o docker0 -j DOCKER
$ipt -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
$ipt -A FORWARD -i docker0 -o docker0 -j ACCEPT
$ipt -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
$ipt -t nat -N DOCKER
$ipt -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
$ipt -t nat -A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
$ipt -t nat -A POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE
$ipt -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
$ipt -t nat -A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
$ipt -t nat -A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80

mkdir -p /srv/c1
echo "hello from c1" > /srv/c1/index.html
ip netns exec c1 busybox httpd -p 80 -h /srv/c1
