package org.mobilecnn.compose

import android.Manifest
import android.os.Build
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.rememberLauncherForActivityResult
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts
import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.AssistChip
import androidx.compose.material3.Button
import androidx.compose.material3.FilterChip
import androidx.compose.material3.LinearProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.dynamicDarkColorScheme
import androidx.compose.material3.dynamicLightColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.runtime.Composable
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.getValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.platform.LocalContext
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.unit.dp
import androidx.lifecycle.viewmodel.compose.viewModel

/** The one screen. What it shows is [ScreenModel], and what it does is [ClassifierViewModel]. */
class MainActivity : ComponentActivity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        setContent { MaterialTheme(colorScheme = colors()) { Screen(viewModel()) } }
    }
}

@Composable
private fun colors() =
    when {
        Build.VERSION.SDK_INT >= Build.VERSION_CODES.S && isSystemInDarkTheme() -> dynamicDarkColorScheme(LocalContext.current)
        Build.VERSION.SDK_INT >= Build.VERSION_CODES.S -> dynamicLightColorScheme(LocalContext.current)
        isSystemInDarkTheme() -> darkColorScheme()
        else -> lightColorScheme()
    }

@Composable
private fun Screen(model: ClassifierViewModel) {
    val state by model.state.collectAsState()
    Scaffold { insets ->
        Column(
            Modifier.padding(insets).padding(16.dp).verticalScroll(rememberScrollState()),
            verticalArrangement = Arrangement.spacedBy(12.dp),
        ) {
            if (state.live) CameraPreview(model::frame)
            state.verdict?.let { AssistChip(onClick = {}, label = { Text(words(it)) }) }
            Answer(state)
            state.message?.let { Text(it, color = MaterialTheme.colorScheme.error) }
            Choices(state, model::choose)
            Sources(model)
        }
    }
}

@Composable
private fun words(verdict: Verdict) =
    when (verdict) {
        Verdict.Loading -> stringResource(R.string.verdict_loading)
        Verdict.Verified -> stringResource(R.string.verdict_verified)
        is Verdict.Differs -> stringResource(R.string.verdict_differs, verdict.reason)
        is Verdict.NotChecked -> stringResource(R.string.verdict_not_checked, verdict.reason)
        is Verdict.TimingOnly -> stringResource(R.string.verdict_timing_only, verdict.reason)
        is Verdict.Refused -> stringResource(R.string.verdict_refused, verdict.reason)
    }

@Composable
private fun Answer(state: ScreenModel) {
    if (!state.finite) Text(stringResource(R.string.no_answer))
    state.lines.forEachIndexed { index, line ->
        val style = if (index == 0) MaterialTheme.typography.headlineMedium else MaterialTheme.typography.bodyLarge
        Row(Modifier.fillMaxWidth(), horizontalArrangement = Arrangement.SpaceBetween) {
            Text(if (line.chosen) "✓ ${line.label}" else line.label, style = style)
            Text(line.probability?.let { "%.0f %%".format(100 * it) } ?: "%.4g".format(line.score), style = style)
        }
        line.probability?.let { LinearProgressIndicator(progress = { it }, modifier = Modifier.fillMaxWidth()) }
    }
    state.milliseconds?.let { Text(stringResource(R.string.took, it), style = MaterialTheme.typography.labelMedium) }
}

@Composable
private fun Choices(
    state: ScreenModel,
    choose: (String, Boolean) -> Unit,
) {
    if (state.models.isEmpty()) Text(stringResource(R.string.no_model_here))
    for (name in state.models) {
        FilterChip(selected = name == state.model, onClick = { choose(name, state.gpu) }, label = { Text(name) })
    }
    Row(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
        for ((onGpu, text) in listOf(false to R.string.accelerator_cpu, true to R.string.accelerator_gpu)) {
            FilterChip(
                selected = onGpu == state.gpu,
                onClick = { state.model?.let { choose(it, onGpu) } },
                label = { Text(stringResource(text)) },
            )
        }
    }
}

@Composable
private fun Sources(model: ClassifierViewModel) {
    val refused = stringResource(R.string.no_permission)
    val picker =
        rememberLauncherForActivityResult(ActivityResultContracts.PickVisualMedia()) { uri -> uri?.let(model::photo) }
    val permission =
        rememberLauncherForActivityResult(ActivityResultContracts.RequestPermission()) { granted ->
            if (granted) model.live(true) else model.say(refused)
        }
    Row(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
        Button(onClick = { permission.launch(Manifest.permission.CAMERA) }) { Text(stringResource(R.string.camera)) }
        Button(
            onClick = {
                picker.launch(PickVisualMediaRequest(ActivityResultContracts.PickVisualMedia.ImageOnly))
            },
        ) { Text(stringResource(R.string.photo)) }
    }
}
