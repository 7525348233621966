#!/bin/bash
# The routing mesh: a published service with two tasks on three nodes, so that one node has none.
#
#   client --- any node:3000 -> ingress_sbox (IPVS) -> overlay "ingress" -> a task of whoami
#
docker swarm init --advertise-addr 192.168.0.11 > /dev/null
token=$(docker swarm join-token -q worker)
for node in node2 node3; do
  ssh $node docker swarm join --token "$token" 192.168.0.11:2377 > /dev/null
done
docker service create -q --name whoami --publish 3000:3000 --replicas 2 whoami > /dev/null
