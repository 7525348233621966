#!/bin/bash
# A swarm of three nodes and an overlay network with a container on two of them. All wiring is the
# engines' own: look into it with `nsenter --net=/var/run/docker/netns/...`.
#
#   c1 eth0 -- veth1 [br0] vxlan0 ... node2 eth0 -- [lan0] -- eth0 node3 ... vxlan0 [br0] veth1 -- eth0 c2
#
docker swarm init --advertise-addr 192.168.0.11 > /dev/null
TOKEN=$(docker swarm join-token -q worker)
for node in node2 node3; do
  ssh $node docker swarm join --token $TOKEN 192.168.0.11:2377 > /dev/null
done
docker network create -d overlay --attachable overnet > /dev/null
ssh node2 docker run -dt --name c1 --network overnet ubuntu sleep infinity > /dev/null
ssh node3 docker run -dt --name c2 --network overnet ubuntu sleep infinity > /dev/null
sleep 2 # the gossip
