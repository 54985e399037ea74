pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositoriesMode.set(RepositoriesMode.FAIL_ON_PROJECT_REPOS)
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "mobilecnn-demo"
include(":core", ":app")
// The skin in Kotlin, which has not been built yet: ./gradlew -Pcompose=true :app-compose:assembleDebug
if (providers.gradleProperty("compose").orNull == "true") {
    include(":app-compose")
}
