package org.mobilecnn.core;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

/** Scores become probabilities where they are none yet. */
public final class TopKTest {
    @Test
    public void probabilitiesStayAndOtherScoresBecomeSome() {
        float[] shares = {0.7f, 0.2f, 0.1f};
        assertEquals(0.7f, TopK.confidence(shares)[0], 0.0f);
        float[] confidence = TopK.confidence(new float[] {1000.0f, 1000.0f, -1000.0f});
        assertEquals(0.5f, confidence[0], 1e-6f);
        assertEquals(0.0f, confidence[2], 1e-6f);
    }
}
