package org.mobilecnn.compose

import org.mobilecnn.core.AnswerCheck
import org.mobilecnn.core.OutputKind
import org.mobilecnn.core.Passport
import org.mobilecnn.core.Ranking

/** How far the model's answers can be trusted on this phone. It stays until another model is chosen. */
sealed interface Verdict {
    /** The model is being loaded and asked its golden pictures. */
    data object Loading : Verdict

    /** It answers as it did at export. */
    data object Verified : Verdict

    /** It does not, for this [reason]. */
    data class Differs(
        val reason: String,
    ) : Verdict

    /** There was nothing to ask it, for this [reason]. */
    data class NotChecked(
        val reason: String,
    ) : Verdict

    /** It was exported for timing only, for this [reason]; nothing else is wrong with its answers. */
    data class TimingOnly(
        val reason: String,
    ) : Verdict

    /** It cannot run, for this [reason]. */
    data class Refused(
        val reason: String,
    ) : Verdict
}

/** A class or label of an answer; [probability] is null where the scores are none. */
data class Line(
    val label: String,
    val score: Double,
    val probability: Float?,
    val chosen: Boolean,
)

/** What the screen shows, whole: each event makes another value of it. */
data class ScreenModel(
    val models: List<String> = emptyList(),
    val model: String? = null,
    val gpu: Boolean = false,
    val verdict: Verdict? = null,
    val live: Boolean = false,
    val finite: Boolean = true,
    val lines: List<Line> = emptyList(),
    val milliseconds: Double? = null,
    val message: String? = null,
) {
    /** Another model, or another place to run it: what was said before is gone. */
    fun loading(
        name: String,
        onGpu: Boolean,
    ) = copy(
        model = name,
        gpu = onGpu,
        verdict = Verdict.Loading,
        finite = true,
        lines = emptyList(),
        milliseconds = null,
        message = null,
    )

    /** The answer to a picture; the verdict stays. */
    fun answered(
        passport: Passport,
        scores: FloatArray,
        nanoseconds: Long,
    ) = copy(
        finite = Ranking.finite(scores),
        lines = linesOf(passport, scores),
        milliseconds = nanoseconds / NANOSECONDS,
        message = null,
    )
}

private const val SHOWN = 5
private const val NANOSECONDS = 1e6

/** The verdict of the core as the screen has it; wrong answers take precedence over a model for timing only. */
fun verdictOf(
    passport: Passport,
    check: AnswerCheck,
): Verdict =
    when (check.verdict!!) {
        AnswerCheck.Verdict.VERIFIED -> timingOnly(passport) ?: Verdict.Verified
        AnswerCheck.Verdict.DIFFERS -> Verdict.Differs(check.reason)
        AnswerCheck.Verdict.NOT_CHECKED -> timingOnly(passport) ?: Verdict.NotChecked(check.reason)
    }

private fun timingOnly(passport: Passport): Verdict? =
    passport.latencyOnly
        .takeUnless(List<String>::isEmpty)
        ?.let { Verdict.TimingOnly(it.joinToString("; ")) }

/** The best classes, or every label that holds; none where a score is not a finite number. */
fun linesOf(
    passport: Passport,
    scores: FloatArray,
): List<Line> {
    if (!Ranking.finite(scores)) return emptyList()
    return Ranking.of(passport.kind, scores, SHOWN).map {
        Line(
            passport.label(it.index),
            it.score,
            it.probability.takeUnless(Double::isNaN)?.toFloat(),
            // Of exclusive classes the first is the answer, which needs no mark.
            it.chosen && passport.kind.decision == OutputKind.Decision.EACH,
        )
    }
}
