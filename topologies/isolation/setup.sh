#!/bin/bash
# a1 reaches a2, but not b1: netsim ping isolation a1 b1 -c 2
#
#   a1, a2 -- [br-a 172.18.0.1] host [br-b 172.19.0.1] -- b1
#
for n in host a1 a2 b1; do
  ip netns add $n
  ip -n $n link set lo up
done
ip netns exec host sysctl -q -w net.ipv4.ip_forward=1
ip -n host link add br-a address 02:42:5c:00:00:0a type bridge
ip -n host link add br-b address 02:42:5c:00:00:0b type bridge
ip -n host addr add 172.18.0.1/16 brd 172.18.255.255 dev br-a
ip -n host addr add 172.19.0.1/16 brd 172.19.255.255 dev br-b
ip -n host link set br-a up
ip -n host link set br-b up

# container bridge address MAC
attach() {
  ip -n $1 link add eth0 address $4 type veth peer name veth-$1 netns host
  ip -n host link set veth-$1 master $2
  ip -n host link set veth-$1 up
  ip -n $1 link set eth0 up
  ip -n $1 addr add $3/16 dev eth0
  ip -n $1 route add default via ${3%.*}.1
}
attach a1 br-a 172.18.0.2 02:42:ac:12:00:02
attach a2 br-a 172.18.0.3 02:42:ac:12:00:03
attach b1 br-b 172.19.0.2 02:42:ac:13:00:02

ipt="ip netns exec host iptables"
$ipt -P FORWARD DROP
$ipt -N DOCKER-ISOLATION-STAGE-1
$ipt -N DOCKER-ISOLATION-STAGE-2
$ipt -A FORWARD -j DOCKER-ISOLATION-STAGE-1
for br in br-a br-b; do
  $ipt -A FORWARD -o $br -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  $ipt -A FORWARD -i $br ! -o $br -j ACCEPT
  $ipt -A FORWARD -i $br -o $br -j ACCEPT
  $ipt -A DOCKER-ISOLATION-STAGE-1 -i $br ! -o $br -j DOCKER-ISOLATION-STAGE-2
  $ipt -A DOCKER-ISOLATION-STAGE-2 -o $br -j DROP
done
$ipt -A DOCKER-ISOLATION-STAGE-1 -j RETURN
$ipt -A DOCKER-ISOLATION-STAGE-2 -j RETURN
