package org.mobilecnn.compose

import android.content.res.Resources
import org.mobilecnn.core.Outcome
import org.mobilecnn.core.Ranking
import org.mobilecnn.core.ScreenState
import org.mobilecnn.core.ScreenState.Trust
import java.text.NumberFormat
import java.util.Locale

private const val NANOSECONDS = 1e6

/** What the screen says of a [ScreenState], in the user's language. */
class Words(
    private val resources: Resources,
) {
    /** How far the model's answers can be trusted, in a few words; null without a model. */
    fun verdict(trust: Trust): String? =
        when (trust) {
            Trust.NONE -> null
            Trust.LOADING -> R.string.trust_loading
            Trust.VERIFIED -> R.string.trust_verified
            Trust.DIFFERS -> R.string.trust_differs
            Trust.NOT_CHECKED -> R.string.trust_not_checked
            Trust.TIMING_ONLY -> R.string.trust_timing_only
            Trust.REFUSED -> R.string.trust_refused
        }?.let(resources::getString)

    /** What the verdict means, with the figures behind it; null without a model. */
    fun why(state: ScreenState): String? =
        when (state.trust) {
            Trust.NONE -> null
            Trust.LOADING -> R.string.trust_loading_why
            Trust.VERIFIED -> R.string.trust_verified_why
            Trust.DIFFERS -> R.string.trust_differs_why
            Trust.NOT_CHECKED -> R.string.trust_not_checked_why
            Trust.TIMING_ONLY -> R.string.trust_timing_only_why
            Trust.REFUSED -> R.string.trust_refused_why
        }?.let { listOf(resources.getString(it), state.reason).filter(String::isNotEmpty).joinToString("\n\n") }

    /** The answer, or what is waited for; empty where there is neither. */
    fun headline(state: ScreenState): String = state.outcome?.let(::answer) ?: waiting(state)

    private fun answer(outcome: Outcome): String {
        val labels = outcome.headline.joinToString { outcome.passport.label(it.index) }
        return when {
            !outcome.finite -> resources.getString(R.string.not_finite)
            outcome.headline.isEmpty() -> resources.getString(R.string.none_holds)
            outcome.sure -> labels
            else -> resources.getString(R.string.unsure, labels)
        }
    }

    private fun waiting(state: ScreenState): String =
        when {
            state.trust == Trust.NONE || state.trust == Trust.REFUSED -> null
            state.busy && state.source == ScreenState.Source.PHOTO -> R.string.looking
            state.trust == Trust.LOADING -> R.string.loading
            state.source == ScreenState.Source.NONE -> R.string.choose
            else -> R.string.looking
        }?.let(resources::getString).orEmpty()

    /** The label of a class; of labels by themselves, those that hold are marked. */
    fun label(
        outcome: Outcome,
        entry: Ranking.Entry,
    ): String =
        outcome.passport.label(entry.index).let {
            if (entry.chosen && outcome.each()) resources.getString(R.string.label_yes, it) else it
        }

    /** A probability in per cent; a score of no known meaning as it is. */
    fun share(entry: Ranking.Entry): String =
        if (entry.probability.isNaN()) {
            "%.4g".format(Locale.getDefault(), entry.score)
        } else {
            NumberFormat.getPercentInstance(Locale.getDefault()).apply { maximumFractionDigits = 1 }.format(entry.probability)
        }

    /** How long the answer took, and the picture before it. */
    fun times(outcome: Outcome): String =
        resources.getString(R.string.times, outcome.inferenceNanos / NANOSECONDS, outcome.preprocessNanos / NANOSECONDS)
}
