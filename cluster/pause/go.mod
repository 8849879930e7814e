module pgkeep/cluster/pause

go 1.26.0
