// ProductionRun
