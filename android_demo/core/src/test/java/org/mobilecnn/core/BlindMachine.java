package org.mobilecnn.core;

import java.util.Collections;
import java.util.Map;

/** A machine that tells nothing of itself and stays in front: what tests, and this computer, are asked by a benchmark. */
public abstract class BlindMachine implements Benchmark.Machine {
    @Override
    public Map<String, Integer> frequenciesKhz() {
        return Collections.emptyMap();
    }

    @Override
    public Map<String, Double> temperaturesC() {
        return Collections.emptyMap();
    }

    @Override
    public String thermalStatus() {
        return null;
    }

    @Override
    public boolean leftFront() {
        return false;
    }

    @Override
    public Long peakRssBytes() {
        return null;
    }

    @Override
    public Long rssBytes() {
        return null;
    }
}
