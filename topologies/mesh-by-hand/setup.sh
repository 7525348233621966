#!/bin/bash
# Each new connection to port 8080 goes to the next server: netsim curl mesh client http://192.168.0.12:8080/
#
#   client eth0 -- eth0 node [ingress 10.255.0.1] -- web1, web2
#
for n in client node web1 web2; do
  ip netns add $n
  ip -n $n link set lo up
done
ip -n node link add eth0 address 52:54:00:00:00:10 type veth peer name eth0 address 52:54:00:00:00:50 netns client
ip -n node addr add 192.168.0.12/24 brd 192.168.0.255 dev eth0
ip -n client addr add 192.168.0.50/24 brd 192.168.0.255 dev eth0
ip -n node link set eth0 up
ip -n client link set eth0 up
ip -n node link add ingress address 02:42:5c:00:00:01 type bridge
ip -n node addr add 10.255.0.1/24 brd 10.255.0.255 dev ingress
ip -n node link set ingress up
ip netns exec node sysctl -q -w net.ipv4.ip_forward=1
for i in 1 2; do
  ip -n web$i link add eth0 address 02:42:0a:ff:00:0$((i + 1)) type veth peer name veth$i netns node
  ip -n node link set veth$i master ingress
  ip -n node link set veth$i up
  ip -n web$i link set eth0 up
  ip -n web$i addr add 10.255.0.$((i + 1))/24 brd 10.255.0.255 dev eth0
  mkdir -p /srv/web$i
  echo "hello from web$i" > /srv/web$i/index.html
  # the servers listen on 8000 and are reached on 80
  ip netns exec web$i iptables -t nat -A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8000
  ip netns exec web$i busybox httpd -p 8000 -h /srv/web$i
done

ipt="ip netns exec node iptables"
# mark what is for the published port, then deal the connections out in turn
$ipt -t mangle -A PREROUTING -d 192.168.0.12/32 -p tcp -m tcp --dport 8080 -j MARK --set-xmark 0x100/0xffffffff
$ipt -t nat -A PREROUTING -p tcp -m mark --mark 0x100 -m statistic --mode nth --every 2 --packet 0 -j DNAT --to-destination 10.255.0.2:80
$ipt -t nat -A PREROUTING -p tcp -m mark --mark 0x100 -j DNAT --to-destination 10.255.0.3:80
# the servers answer to the node, not to the client: as the ingress sandbox of a swarm does
$ipt -t nat -A POSTROUTING -d 10.255.0.0/24 -p tcp -m mark --mark 0x100 -j SNAT --to-source 10.255.0.1
