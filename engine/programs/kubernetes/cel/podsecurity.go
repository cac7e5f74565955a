package main

import (
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	upstream "k8s.io/pod-security-admission/policy"
)

// podSecurity is the upstream library's verdict at level restricted, newest version: the second opinion that the tests
// hold the rules against.
type podSecurity struct{ evaluator upstream.Evaluator }

func newPodSecurity() *podSecurity {
	evaluator, err := upstream.NewEvaluator(upstream.DefaultChecks(), nil)
	if err != nil {
		panic(err)
	}
	return &podSecurity{evaluator: evaluator}
}

func (p *podSecurity) answer(line []byte) (any, error) {
	object, err := decodeObject(line)
	if err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("no object")
	}
	var template *corev1.PodTemplateSpec
	switch o := object.(type) {
	case *corev1.Pod:
		template = &corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}
	case *corev1.PodTemplate:
		template = &o.Template
	case *corev1.ReplicationController:
		template = o.Spec.Template
	case *appsv1.ReplicaSet:
		template = &o.Spec.Template
	case *appsv1.Deployment:
		template = &o.Spec.Template
	case *appsv1.DaemonSet:
		template = &o.Spec.Template
	case *appsv1.StatefulSet:
		template = &o.Spec.Template
	case *batchv1.Job:
		template = &o.Spec.Template
	case *batchv1.CronJob:
		template = &o.Spec.JobTemplate.Spec.Template
	default:
		return nil, fmt.Errorf("%s carries no pod", object.GetObjectKind().GroupVersionKind().Kind)
	}
	reasons := []string{}
	if template != nil {
		level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		for _, result := range p.evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec) {
			if !result.Allowed {
				reasons = append(reasons, result.ForbiddenReason+": "+result.ForbiddenDetail)
			}
		}
	}
	return map[string]any{"allowed": len(reasons) == 0, "reasons": reasons}, nil
}
