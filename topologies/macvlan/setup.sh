#!/bin/bash
# docker network create -d macvlan -o parent=eth0. Try also: netsim ping macvlan host c1 (and why not)
#
#   c1 eth0, c2 eth0 (macvlan on) host eth0 -- p1 [switch] p2 -- eth0 lan
#
for n in wire host lan c1 c2; do
  ip netns add $n
  ip -n $n link set lo up
done
ip -n wire link add switch address 52:54:00:00:00:fe type bridge
ip -n wire link set switch up
ip -n host link add eth0 address 52:54:00:00:00:10 type veth peer name p1 address 5a:00:00:00:01:01 netns wire
ip -n lan link add eth0 address 52:54:00:00:00:20 type veth peer name p2 address 5a:00:00:00:01:02 netns wire
for p in p1 p2; do
  ip -n wire link set $p master switch
  ip -n wire link set $p up
done
ip -n host link set eth0 up
ip -n host addr add 192.168.5.10/24 brd 192.168.5.255 dev eth0
ip -n lan link set eth0 up
ip -n lan addr add 192.168.5.20/24 brd 192.168.5.255 dev eth0
for i in 1 2; do
  ip -n host link add mv$i link eth0 address 02:42:c0:a8:05:0$((i + 1)) type macvlan mode bridge
  ip -n host link set mv$i netns c$i name eth0
  ip -n c$i link set eth0 up
  ip -n c$i addr add 192.168.5.$((i + 1))/24 brd 192.168.5.255 dev eth0
done
